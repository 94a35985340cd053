import { allows } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import type { TunnelParts } from './parts.ts'
import { presentTunnel } from './present.ts'
import { problems } from './problems.ts'
import type { Tunnel, TunnelQuery } from './schema.ts'
import { shareWith } from './shared.ts'
import { states } from './states.ts'
import { linksOf } from './status.ts'
import type { TunnelEndpointRow, TunnelRow } from './tables.ts'
import { recentMetrics } from './usage/recent.ts'

type Permission = Tunnel['permission']

/** The newest first; only the account's own. */
export async function listTunnels(ctx: Context, parts: TunnelParts, query: TunnelQuery) {
  const { limit, cursor, status, kind, name } = query
  const list = `tunnels ${[status, kind, name].map((filter) => filter ?? '').join(' ')}`
  const place = ctx.cursors.read(list, cursor)
  const found = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .select(timeText('createdAt').as('createdText'))
    .where('accountId', '=', ctx.accountId)
    .where('deletedAt', 'is', null)
    .$if(status !== undefined, (rows) => rows.where('status', '=', status!))
    .$if(kind !== undefined, (rows) => rows.where('kind', '=', kind!))
    .$if(name !== undefined, (rows) => rows.where('name', '=', name!))
    .$if(place !== undefined, (rows) => rows.where(olderThan('createdAt', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ createdText, id }) =>
    ctx.cursors.write(list, { time: createdText, id }),
  )
  return { items: await showAll(ctx, parts, rows), nextCursor }
}

export async function getTunnel(ctx: Context, parts: TunnelParts, id: string): Promise<Tunnel> {
  const { row, permission } = await findReadable(ctx, parts, id)
  return show(ctx, parts, row, permission)
}

/** @throws problem `tunnel.not_found`, also for a tunnel of another account */
export async function findOwn(ctx: Context, id: string): Promise<TunnelRow> {
  const row = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', ctx.accountId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return row
}

export interface Seen {
  row: TunnelRow
  permission: Permission
}

/** The account's own, or one that was shared with it or with who is acting, to read or to manage. @throws problem `tunnel.not_found` */
export function findReadable(ctx: Context, parts: TunnelParts, id: string): Promise<Seen> {
  return findShared(ctx, parts, id, ['read', 'manage'])
}

/** The account's own, or one that was shared to manage. @throws problem `tunnel.not_found` */
export function findManageable(ctx: Context, parts: TunnelParts, id: string): Promise<Seen> {
  return findShared(ctx, parts, id, ['manage'])
}

async function findShared(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  permissions: readonly ('read' | 'manage')[],
): Promise<Seen> {
  const row = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (row?.accountId === ctx.accountId) return { row, permission: 'own' }
  const share = row && (await shareWith(ctx, parts, id))
  const permission = permissions.find((one) => one === share?.permission)
  if (!row || !permission) throw problems.notFound({ id })
  return { row, permission }
}

export async function show(
  ctx: Context,
  parts: TunnelParts,
  row: TunnelRow,
  permission: Permission = 'own',
): Promise<Tunnel> {
  const [shown] = await showAll(ctx, parts, [row], permission)
  return shown!
}

async function showAll(
  ctx: Context,
  parts: TunnelParts,
  rows: readonly TunnelRow[],
  permission: Permission = 'own',
): Promise<Tunnel[]> {
  const ids = rows.map(({ id }) => id)
  const [endpoints, domains, links, metrics] = [
    await endpointsOf(ctx, ids),
    await domainsOf(ctx, ids),
    await linksOf(ctx, ids),
    await recentMetrics(ctx, ids),
  ]
  const seesSecrets = permission !== 'read' && allows(ctx.actor, 'tunnels.write')
  return rows.map((row) =>
    presentTunnel(parts, row, {
      ...{ permission, seesSecrets },
      endpoints: endpoints.get(row.id) ?? [],
      domains: domains.get(row.id) ?? [],
      links: links.get(row.id)?.count ?? 0,
      metrics: metrics.get(row.id),
    }),
  )
}

/** Of all accounts. */
export async function tunnelsByStatus({ db }: Context): Promise<Record<string, number>> {
  const rows = await db
    .selectFrom('tunnels')
    .select(['status', ({ fn }) => fn.countAll<string>().as('count')])
    .where('deletedAt', 'is', null)
    .groupBy('status')
    .execute()
  const counts = Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]))
  return Object.fromEntries(states.names.map((name) => [name, counts[name] ?? 0]))
}

/** By tunnel, in the order in which they are taken. */
export async function endpointsOf(
  { db }: Context,
  ids: readonly string[],
): Promise<Map<string, TunnelEndpointRow[]>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('tunnelEndpoints')
    .selectAll()
    .where('tunnelId', 'in', ids)
    .orderBy('priority')
    .orderBy('id')
    .execute()
  return Map.groupBy(rows, ({ tunnelId }) => tunnelId)
}

/** By tunnel, those that are proven. */
export async function domainsOf(
  { db }: Context,
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('tunnelDomains')
    .select(['tunnelId', 'hostname'])
    .where('tunnelId', 'in', ids)
    .where('verifiedAt', 'is not', null)
    .orderBy('hostname')
    .execute()
  const byTunnel = Map.groupBy(rows, ({ tunnelId }) => tunnelId)
  return new Map(
    [...byTunnel].map(([id, domains]) => [id, domains.map(({ hostname }) => hostname)]),
  )
}
