import { allows } from '#access/index.ts'
import { provenEmailKey } from '#identity/index.ts'
import { actsAsAnother, type Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { problems } from './problems.ts'

/** On whose behalf a tunnel is used. */
export interface TunnelUser {
  accountId: string
  userId: string
}

/** A tunnel that somebody may reach. */
export interface UsableTunnel {
  id: string
  name: string
  /** The share that lets them; absent when it is their account's own. Once it is revoked, what it let in is cut. */
  grantId?: string
}

/**
 * The tunnels that go by these names or ids, each once: the account's own, or shared with it or with the person.
 *
 * @throws problem `tunnel.not_found`, also for one of others; `tunnel.not_http`, `auth.forbidden`, or `auth.not_as_another`: what a
 * tunnel leads to is private, and staff who help somebody visit it neither by themselves nor by a browser
 */
export async function tunnelsToUse(
  ctx: Context,
  user: TunnelUser,
  wanted: readonly string[],
): Promise<UsableTunnel[]> {
  if (wanted.length === 0) return []
  const permission = 'tunnels.read'
  if (!allows(ctx.actor, permission)) throw httpProblems.forbidden({ permission })
  if (actsAsAnother(ctx.actor)) throw httpProblems.notAsAnother()
  const found = await Promise.all(wanted.map((one) => demand(ctx, user, one)))
  return [...new Map(found.map((tunnel) => [tunnel.id, tunnel])).values()]
}

/** As whom a tunnel lets somebody in now; undefined when it does not, or is no more. */
export async function mayUse(
  ctx: Context,
  user: TunnelUser,
  tunnelId: string,
): Promise<UsableTunnel | undefined> {
  return usable(ctx, user, await findRow(ctx, tunnelId))
}

async function demand(ctx: Context, user: TunnelUser, wanted: string): Promise<UsableTunnel> {
  const row = await findRow(ctx, wanted)
  const tunnel = await usable(ctx, user, row)
  if (!tunnel) throw problems.notFound({ id: wanted })
  if (row!.kind !== 'http') throw problems.notHttp({ name: tunnel.name })
  return tunnel
}

type Row = NonNullable<Awaited<ReturnType<typeof findRow>>>

/** By its id, or by its name, which can be no id. */
function findRow({ db }: Context, wanted: string) {
  return db
    .selectFrom('tunnels')
    .select(['id', 'name', 'kind', 'accountId'])
    .where('deletedAt', 'is', null)
    .where((row) => row.or([row('id', '=', wanted), row('name', '=', wanted.toLowerCase())]))
    .executeTakeFirst()
}

async function usable(
  ctx: Context,
  { accountId, userId }: TunnelUser,
  row: Row | undefined,
): Promise<UsableTunnel | undefined> {
  if (!row) return undefined
  const { id, name } = row
  if (row.accountId === accountId) return { id, name }
  const emailKey = await provenEmailKey(ctx, userId)
  const share = await ctx.db
    .selectFrom('tunnelShares')
    .select('id')
    .where('tunnelId', '=', id)
    .where((one) =>
      one.or([
        one('userId', '=', userId),
        one('granteeAccountId', '=', accountId),
        ...(emailKey === undefined ? [] : [one('emailKey', '=', emailKey)]),
      ]),
    )
    .where((one) => one.or([one('expiresAt', 'is', null), one('expiresAt', '>', ctx.clock.now())]))
    .orderBy('id')
    .executeTakeFirst()
  return share && { id, name, grantId: share.id }
}
