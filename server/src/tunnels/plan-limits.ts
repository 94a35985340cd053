import { sql } from 'kysely'
import { tiersOf } from '#identity/index.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'
import { domainsPerAccount, portsPerAccount, tunnelsPerAccount } from './settings.ts'

interface State {
  used: number
  limit: number
}

/** Tunnels of the account, and how many its tier allows. */
export async function tunnelsThere(ctx: Context): Promise<State> {
  const { tunnels } = await countsOf(ctx)
  return { used: tunnels, limit: await limitOf(ctx, tunnelsPerAccount) }
}

/** The same of TCP tunnels, which take a port each. */
export async function portsTaken(ctx: Context): Promise<State> {
  const { ports } = await countsOf(ctx)
  return { used: ports, limit: await limitOf(ctx, portsPerAccount) }
}

/** The same of own domains, those that are claimed only too. */
export async function domainsThere(ctx: Context): Promise<State> {
  const { rows } = await sql<{ used: number }>`
    select count(*)::int as used from tunnel_domains
    where account_id = ${ctx.accountId}`.execute(ctx.db)
  return { used: rows[0]!.used, limit: await limitOf(ctx, domainsPerAccount) }
}

/** In a transaction that no other create runs beside. @throws problem `tunnel.limit_reached` or `tunnel.tcp_limit_reached` */
export async function checkRoomForTunnel(ctx: Context, kind: 'http' | 'tcp'): Promise<void> {
  const tunnels = await tunnelsThere(ctx)
  if (tunnels.used >= tunnels.limit) throw problems.limitReached({ limit: tunnels.limit })
  if (kind !== 'tcp') return
  const ports = await portsTaken(ctx)
  if (ports.used >= ports.limit) throw problems.tcpLimitReached({ limit: ports.limit })
}

/** Claims of one account wait for each other until the transaction ends. @throws problem `tunnel.domain_limit_reached` */
export async function checkRoomForDomain(ctx: Context): Promise<void> {
  const key = `tunnel_domains ${ctx.accountId}`
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(ctx.db)
  const { used, limit } = await domainsThere(ctx)
  if (used >= limit) throw problems.domainLimitReached({ limit })
}

async function countsOf({ db, accountId }: Context): Promise<{ tunnels: number; ports: number }> {
  const { rows } = await sql<{ tunnels: number; ports: number }>`
    select count(*)::int as tunnels, count(port)::int as ports from tunnels
    where account_id = ${accountId} and deleted_at is null`.execute(db)
  return rows[0]!
}

async function limitOf(ctx: Context, setting: typeof tunnelsPerAccount): Promise<number> {
  const { accountId, settings } = ctx
  const tier = (await tiersOf(ctx, [accountId])).get(accountId) ?? 'free'
  return settings.get(setting)[tier]
}
