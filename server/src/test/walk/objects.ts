import { type AnyRoute, servedPath } from '#kernel/http/route.ts'
import type { Person, TestApp } from '../app.ts'
import type { Place, Scene } from './scene.ts'

/** Whose the things are that a path names: an account's, a person's, or the installation's. */
export type Kind =
  | 'account'
  | 'member'
  | 'invitation'
  | 'key'
  | 'session'
  | 'tunnel'
  | 'person'
  | 'installation'

/**
 * What the parameters of each path name. A route with a parameter that is not here fails the walk: whoever adds one says whose its
 * things are, and the walk then tries to reach those of others.
 */
const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/^\/v1\/accounts\/:id\/members\/:userId$/, 'member'],
  [/^\/v1\/accounts\/:id(\/|$)/, 'account'],
  [/^\/v1\/invitations\/:id(\/|$)/, 'invitation'],
  [/^\/v1\/api-keys\/:id(\/|$)/, 'key'],
  [/^\/v1\/sessions\/:id(\/|$)/, 'session'],
  [/^\/v1\/tunnels\/:id(\/|$)/, 'tunnel'],
  [/^\/v1\/users\/me\/(devices|export)\/:id(\/|$)/, 'person'],
  [/^\/v1\/users\/:id(\/|$)/, 'person'],
  [/^\/v1\/users\/me\/(devices|identities)\/:id$/, 'person'],
  [/^\/v1\/auth\/oauth\/:provider\//, 'installation'],
  [/^\/v1\/auth\/(2fa\/devices|passkeys)\/:id$/, 'person'],
  [/^\/v1\/operations\/:id$/, 'person'],
  [/^\/v1\/(fleet|ec2|relays)\//, 'installation'],
  [/^\/v1\/admin\//, 'installation'],
]

export function kindOf({ path }: AnyRoute): Kind | undefined {
  return KINDS.find(([pattern]) => pattern.test(path))?.[1]
}

type Ids = Record<Exclude<Kind, 'person' | 'installation'>, Record<Place, string>>

/** One thing of each kind in each account. */
export async function makeObjects(app: TestApp, { accounts, owners }: Scene): Promise<Ids> {
  const ids: Ids = {
    account: accounts,
    ...{ member: {} as never, invitation: {} as never, key: {} as never, session: {} as never },
    tunnel: {} as never,
  }
  for (const place of Object.keys(accounts) as Place[]) {
    const owner = owners[place]
    ids.member[place] = owner.userId
    ids.invitation[place] = await idOf(owner, '/v1/invitations', {
      ...{ email: `${app.unique('walk')}@example.test`, role: 'viewer' },
    })
    ids.key[place] = await idOf(owner, '/v1/api-keys', { name: 'x', scopes: ['sessions.read'] })
    ids.tunnel[place] = await idOf(owner, '/v1/tunnels', {})
    ids.session[place] = await addSession(app, owner, accounts[place])
  }
  return ids
}

async function idOf(owner: Person, path: string, body: object): Promise<string> {
  const answer = await owner.post(path, body)
  if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  return answer.body.id
}

/** One that has ended, so that no browser is needed. */
async function addSession(app: TestApp, { userId }: Person, accountId: string): Promise<string> {
  const ctx = app.app.systemContext()
  const id = ctx.newId('ses')
  const now = ctx.clock.now()
  await ctx.db
    .insertInto('browserSessions')
    .values({
      ...{ id, accountId, userId, instanceId: 'gone', status: 'closed', endReason: 'asked' },
      ...{ viewport: '{"width":800,"height":600}', metadata: '{}', idleTimeoutSeconds: 600 },
      ...{ timeoutSeconds: 600, createdAt: now, lastActivityAt: now, startedAt: now },
      ...{ endedAt: now, expiresAt: new Date(+now + 600_000) },
    })
    .execute()
  return id
}

/** The path on the wire with this id in place of the last parameter that it could be, and examples in place of the others. */
export function pathWith(route: AnyRoute, id: string, first?: string): string {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!)
  const aim = names.includes('userId') ? 'userId' : names[0]
  const given = (route.examples?.params ?? {}) as Record<string, string>
  return servedPath(route.path).replace(/:(\w+)/g, (_, name: string) => {
    if (name === aim) return id
    return name === names[0] && first !== undefined ? first : (given[name] ?? 'x')
  })
}
