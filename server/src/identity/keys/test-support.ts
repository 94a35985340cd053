import { allows } from '#access/index.ts'
import type { KyselyPlugin } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { ADDRESS, openTestIdentity } from '../test-support.ts'
import type { Made } from './present.ts'
import { rotateKey } from './rotate.ts'
import { CreateApiKey, RotateApiKey } from './schema.ts'
import { createKey } from './service.ts'

export const IP = ADDRESS.ipAddress!
export const DAY_MS = 24 * 60 * 60 * 1000

/** The identity capability over a database of its own, with short ways to make keys and to use them. */
export async function openTestKeys() {
  const app = await openTestIdentity()
  const { tools, identity } = app
  const once = { again: false }
  return Object.assign(app, {
    newcomer: async (): Promise<Context> => app.ctxOf(await app.join()),
    make: (ctx: Context, wanted: Partial<CreateApiKey> = {}): Promise<Made> => {
      const input = CreateApiKey.parse({ name: 'a program', scopes: ['sessions.*'], ...wanted })
      return createKey(tools, ctx, input, once)
    },
    rotate: (ctx: Context, id: string, wanted: Partial<RotateApiKey> = {}): Promise<Made> =>
      rotateKey(tools, ctx, id, RotateApiKey.parse(wanted), once),
    /** Who acts with the key. @throws Problem */
    use: (key: string, ip = IP) => identity.authenticateKey(key, ip),
    /** Another process, and how many queries it has sent. */
    openCounted: async () => {
      let queries = 0
      const counting: KyselyPlugin = {
        transformQuery: ({ node }) => (queries++, node),
        transformResult: async ({ result }) => result,
      }
      const process = await app.openAnother({ db: app.db.withPlugin(counting) })
      const before = queries
      return { process, queries: () => queries - before }
    },
    may: async (key: string, permission: string) =>
      allows(await identity.authenticateKey(key, IP), permission),
  })
}

/** Another member of the account of `ctx`, acting in it. */
export async function addMember(
  app: Awaited<ReturnType<typeof openTestKeys>>,
  ctx: Context,
  role: 'admin' | 'member',
): Promise<Context> {
  const { user } = await app.join()
  const { accountId } = ctx
  const membership = { accountId, userId: user.id, role, createdAt: ctx.clock.now() }
  await app.db.insertInto('members').values(membership).execute()
  const roles = [`account-${role}`]
  const actor = { kind: 'user', userId: user.id, accountId, roles, signInId: 'sgn_test' } as const
  return app.kernel.contextFor({ actor })
}
