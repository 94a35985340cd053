import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from './parts.ts'
import { hostnameOf, urlOfTunnel } from './present.ts'
import { domainsOf, endpointsOf } from './read.ts'
import type { AccessGrant, EndpointSpec, TunnelSpec } from './spec.ts'
import { mayServe } from './suspension-schema.ts'
import type { TunnelEndpointRow, TunnelRow, TunnelShareRow } from './tables.ts'
import { blockedAmong } from './usage/quota.ts'

export interface FoundTunnel {
  spec: TunnelSpec
  url: string
  /** Relays with a link of it, and in which of their lives. */
  links: { relayId: string; relayEpoch: number }[]
}

/** Which tunnel has a hostname or a port. A hostname is lower case and has no port. */
export async function findTunnel(
  ctx: Context,
  parts: TunnelParts,
  wanted: { hostname: string } | { port: number } | { tunnelId: string },
): Promise<FoundTunnel | undefined> {
  const row = await findRow(ctx, parts, wanted)
  if (!row) return undefined
  const [spec] = await specsOfRows(ctx, parts, [row])
  const links = await ctx.db
    .selectFrom('tunnelLinks')
    .select(['relayId', 'relayEpoch'])
    .distinct()
    .where('tunnelId', '=', row.id)
    .orderBy('relayId')
    .execute()
  return { spec: spec!, url: urlOfTunnel(parts, row), links }
}

function findRow(
  { db }: Context,
  { domain }: TunnelParts,
  wanted: { hostname: string } | { port: number } | { tunnelId: string },
): Promise<TunnelRow | undefined> {
  const rows = db.selectFrom('tunnels').selectAll('tunnels').where('deletedAt', 'is', null)
  if ('tunnelId' in wanted) return rows.where('id', '=', wanted.tunnelId).executeTakeFirst()
  if ('port' in wanted) return rows.where('port', '=', wanted.port).executeTakeFirst()
  const { hostname } = wanted
  const name = nameIn(hostname, domain)
  if (name !== undefined) return rows.where('name', '=', name).executeTakeFirst()
  return rows
    .innerJoin('tunnelDomains', 'tunnelDomains.tunnelId', 'tunnels.id')
    .where('tunnelDomains.hostname', '=', hostname)
    .where('tunnelDomains.verifiedAt', 'is not', null)
    .executeTakeFirst()
}

/** The name of a tunnel, of a hostname below the domain of tunnels. */
export function nameIn(hostname: string, domain: string): string | undefined {
  return hostname.endsWith(`.${domain}`) ? hostname.slice(0, -domain.length - 1) : undefined
}

/** Those that are there. */
export async function specsOf(
  ctx: Context,
  parts: TunnelParts,
  ids: readonly string[],
): Promise<TunnelSpec[]> {
  if (ids.length === 0) return []
  const rows = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids})`)
    .where('deletedAt', 'is', null)
    .execute()
  return specsOfRows(ctx, parts, rows)
}

/** Those of all TCP tunnels, of whatever account. */
export async function takenPorts({ db }: Context): Promise<number[]> {
  const rows = await db
    .selectFrom('tunnels')
    .select('port')
    .where('port', 'is not', null)
    .where('deletedAt', 'is', null)
    .orderBy('port')
    .execute()
  return rows.map(({ port }) => port!)
}

export interface Changes {
  /** To ask with the next time. */
  revision: number
  specs: TunnelSpec[]
  /** Deleted. */
  gone: string[]
}

/**
 * What was changed of these tunnels after `revision`, which an earlier answer has told, or 0. A tunnel that was not among `ids` then has
 * to be asked for with the revision of its spec, or with the earlier one: what changed in between is in no answer.
 */
export async function changedSince(
  ctx: Context,
  parts: TunnelParts,
  revision: number,
  ids: readonly string[],
): Promise<Changes> {
  // First: what is committed between the two queries is then told twice, not never.
  const { rows: newest } = await sql<{ revision: string | null }>`
    select max(revision)::text as revision from tunnels`.execute(ctx.db)
  const rows = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids})`)
    .where('revision', '>', String(revision))
    .execute()
  const [gone, there] = [
    rows.filter(({ deletedAt }) => deletedAt),
    rows.filter(({ deletedAt }) => !deletedAt),
  ]
  return {
    revision: Math.max(revision, Number(newest[0]?.revision ?? 0)),
    specs: await specsOfRows(ctx, parts, there),
    gone: gone.map(({ id }) => id),
  }
}

async function specsOfRows(
  ctx: Context,
  parts: TunnelParts,
  rows: readonly TunnelRow[],
): Promise<TunnelSpec[]> {
  const ids = rows.map(({ id }) => id)
  const [endpoints, domains, grants, holders, blocked] = [
    await endpointsOf(ctx, ids),
    await domainsOf(ctx, ids),
    await grantsOf(ctx, ids),
    await holdersOf(ctx, ids),
    await blockedAmong(ctx, [...new Set(rows.map(({ accountId }) => accountId))]),
  ]
  return rows.map((row) => {
    const { id, accountId, name, kind, port, config, access } = row
    return {
      ...{ id, accountId, name, kind, config, started: mayServe(row) },
      ...(row.suspendedAt && { suspended: true as const }),
      hostnames: [hostnameOf(parts, row), ...(domains.get(id) ?? [])],
      ...(port !== null && { port }),
      ...(blocked.has(accountId) && { blocked: blocked.get(accountId)! }),
      revision: Number(row.revision),
      access: {
        ...{ ...access, grants: grants.get(id) ?? [] },
        cookieKey: ctx.keyring.mac('tunnel cookies', id).toString('base64url'),
        visitUrl: `${ctx.publicUrl}/api/v1/tunnels/${id}/visit`,
      },
      endpoints: (endpoints.get(id) ?? []).map(endpointSpec),
      holders: Object.fromEntries(
        (holders.get(id) ?? []).map(({ agent, epoch }) => [agent, epoch]),
      ),
    }
  })
}

export function endpointSpec(row: TunnelEndpointRow): EndpointSpec {
  const { id, url, agent, priority, weight, healthCheck } = row
  return { id, url, agent, priority, weight, ...(healthCheck && { healthCheck }) }
}

async function grantsOf(ctx: Context, ids: readonly string[]): Promise<Map<string, AccessGrant[]>> {
  if (ids.length === 0) return new Map()
  const rows = await ctx.db
    .selectFrom('tunnelShares')
    .selectAll()
    .where('tunnelId', 'in', ids)
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', ctx.clock.now())]))
    .orderBy('id')
    .execute()
  const byTunnel = Map.groupBy(rows, ({ tunnelId }) => tunnelId)
  return new Map([...byTunnel].map(([id, shares]) => [id, shares.map(grantSpec)]))
}

function grantSpec({ id, kind, secretHash, expiresAt }: TunnelShareRow): AccessGrant {
  return {
    ...{ id, kind },
    ...(secretHash && { secretHash: secretHash.toString('base64url') }),
    ...(expiresAt && { expiresAtMs: expiresAt.getTime() }),
  }
}

async function holdersOf({ db }: Context, ids: readonly string[]) {
  if (ids.length === 0) return new Map<string, { agent: string; epoch: number }[]>()
  const rows = await db
    .selectFrom('tunnelHolders')
    .select(['tunnelId', 'agent', 'epoch'])
    .where('tunnelId', 'in', ids)
    .orderBy('agent')
    .execute()
  return Map.groupBy(rows, ({ tunnelId }) => tunnelId)
}
