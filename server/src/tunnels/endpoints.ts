import { isDeepStrictEqual } from 'node:util'
import type { Context } from '#kernel/context.ts'
import { sqlState } from '#kernel/transaction.ts'
import type { NewEndpoint, PatchEndpoint, TunnelEndpoint } from './endpoint-schema.ts'
import { updated } from './events.ts'
import type { TunnelParts } from './parts.ts'
import { presentEndpoint } from './present.ts'
import { problems } from './problems.ts'
import { endpointsOf, findManageable, findReadable } from './read.ts'
import { changing, touch } from './revision.ts'
import { MOST_ENDPOINTS } from './schema.ts'
import { lockTunnels } from './status.ts'
import type { TunnelEndpointRow, TunnelRow } from './tables.ts'

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: unique_violation. */
const TAKEN = '23505'

/** In the order in which they are taken. */
export async function listEndpoints(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
): Promise<TunnelEndpoint[]> {
  await findReadable(ctx, parts, tunnelId)
  const rows = await endpointsOf(ctx, [tunnelId])
  return (rows.get(tunnelId) ?? []).map(presentEndpoint)
}

/**
 * Traffic may go there once its agent has a link. Announces `tunnel.updated`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.too_many_endpoints`, `tunnel.kind_mismatch` or `tunnel.endpoint_exists`
 */
export function addEndpoint(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  input: NewEndpoint,
): Promise<TunnelEndpoint> {
  return changeEndpoints(ctx, parts, tunnelId, async (ctx, tunnel) => {
    const there = (await endpointsOf(ctx, [tunnelId])).get(tunnelId) ?? []
    if (there.length >= MOST_ENDPOINTS) throw problems.tooManyEndpoints({ limit: MOST_ENDPOINTS })
    return presentEndpoint(await insertEndpoint(ctx, tunnel, input))
  })
}

/**
 * What leads elsewhere, or is checked in another way, has to be found healthy anew. Announces `tunnel.updated`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.endpoint_not_found`, `tunnel.kind_mismatch` or `tunnel.endpoint_exists`
 */
export async function patchEndpoint(
  ctx: Context,
  parts: TunnelParts,
  { id: tunnelId, endpointId }: { id: string; endpointId: string },
  patch: PatchEndpoint,
): Promise<TunnelEndpoint> {
  const changed = changeEndpoints(ctx, parts, tunnelId, async (ctx, tunnel) => {
    const before = await findEndpoint(ctx, tunnelId, endpointId)
    if (patch.url !== undefined) checkKind(tunnel, patch.url)
    const row = await ctx.db
      .updateTable('tunnelEndpoints')
      .set({ ...changesOf(before, patch), updatedAt: ctx.clock.now() })
      .where('id', '=', endpointId)
      .returningAll()
      .executeTakeFirstOrThrow()
    return presentEndpoint(row)
  })
  return changed.catch((error: unknown) => {
    if (sqlState(error) !== TAKEN) throw error
    throw problems.endpointExists({
      ...{ url: patch.url ?? 'of this address', agent: patch.agent ?? 'of this label' },
      cause: error,
    })
  })
}

function changesOf(before: TunnelEndpointRow, patch: PatchEndpoint) {
  const { healthCheck, ...rest } = patch
  const isSameCheck =
    healthCheck === undefined || isDeepStrictEqual(healthCheck, before.healthCheck)
  const isSamePlace = (rest.url ?? before.url) === before.url && rest.agent === undefined
  return {
    ...rest,
    ...(healthCheck !== undefined && { healthCheck: healthCheck && JSON.stringify(healthCheck) }),
    ...(!(isSameCheck && isSamePlace) && UNKNOWN),
  }
}

const UNKNOWN = { healthStatus: 'unknown', healthMessage: null, lastHealthCheck: null } as const

/** Announces `tunnel.updated`. @throws problem `tunnel.not_found` or `tunnel.endpoint_not_found` */
export async function removeEndpoint(
  ctx: Context,
  parts: TunnelParts,
  { id: tunnelId, endpointId }: { id: string; endpointId: string },
): Promise<void> {
  await changeEndpoints(ctx, parts, tunnelId, async (ctx) => {
    await findEndpoint(ctx, tunnelId, endpointId)
    await ctx.db.deleteFrom('tunnelEndpoints').where('id', '=', endpointId).execute()
  })
}

async function changeEndpoints<Result>(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  change: (ctx: Context, tunnel: TunnelRow) => Promise<Result>,
): Promise<Result> {
  await findManageable(ctx, parts, tunnelId)
  return changing(ctx, parts, async (ctx, revision) => {
    const [tunnel] = await lockTunnels(ctx, [tunnelId])
    if (!tunnel) throw problems.notFound({ id: tunnelId })
    const result = await change(ctx, tunnel)
    await touch(ctx, tunnelId, revision)
    const { id, name, accountId } = tunnel
    await ctx.actingFor(accountId).events.emit(updated, { id, name, changed: ['endpoints'] })
    return result
  })
}

async function findEndpoint(
  { db }: Context,
  tunnelId: string,
  id: string,
): Promise<TunnelEndpointRow> {
  const row = await db
    .selectFrom('tunnelEndpoints')
    .selectAll()
    .where('id', '=', id)
    .where('tunnelId', '=', tunnelId)
    .executeTakeFirst()
  if (!row) throw problems.endpointNotFound({ id })
  return row
}

/** @throws problem `tunnel.kind_mismatch` or `tunnel.endpoint_exists` */
export async function insertEndpoint(
  ctx: Context,
  tunnel: Pick<TunnelRow, 'id' | 'kind'>,
  { url, agent, priority, weight, healthCheck }: NewEndpoint,
): Promise<TunnelEndpointRow> {
  checkKind(tunnel, url)
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('tunnelEndpoints')
    .values({
      ...{ id: ctx.newId('tep'), tunnelId: tunnel.id, url, agent, priority, weight },
      healthCheck: healthCheck ? JSON.stringify(healthCheck) : null,
      ...{ healthStatus: 'unknown', healthMessage: null, lastHealthCheck: null },
      ...{ createdAt: now, updatedAt: now },
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw problems.endpointExists({ url, agent })
  return row
}

/** @throws problem `tunnel.kind_mismatch` */
function checkKind({ kind }: Pick<TunnelRow, 'kind'>, url: string): void {
  if (url.startsWith('tcp:') !== (kind === 'tcp')) throw problems.kindMismatch({ kind, url })
}
