import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import type { FleetParts } from './parts.ts'
import { healthOf, presentInstance, presentNode } from './present.ts'
import { problems } from './problems.ts'
import { type MachineRef, ProviderFailure, type ProviderName } from './providers/provider.ts'
import type { Instance, InstanceQuery, InstanceStatus } from './schema.ts'
import type { InstanceRow, NodeRow } from './tables.ts'

const DESCRIBE_MS = 10_000
const MOST_OF_RELAYS = 1_000

/** What somebody looks among. */
export interface Among {
  provider?: ProviderName | undefined
  /** Only machines that are assigned to this user. */
  assignedTo?: string | undefined
}

/** The newest first; ended ones too. */
export async function listInstances(ctx: Context, query: InstanceQuery, { assignedTo }: Among) {
  const { limit, cursor, status, provider, assignedToUserId } = query
  const filters = [status, provider, assignedToUserId, assignedTo]
  const list = `fleet.instances ${filters.map((filter) => filter ?? '').join(' ')}`
  const place = ctx.cursors.read(list, cursor)
  const found = await ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .select(timeText('createdAt').as('createdText'))
    .$if(status !== undefined, (rows) => rows.where('status', '=', status!))
    .$if(provider !== undefined, (rows) => rows.where('provider', '=', provider!))
    .$if(assignedToUserId !== undefined, (rows) =>
      rows.where('assignedToUserId', '=', assignedToUserId!),
    )
    .$if(assignedTo !== undefined, (rows) => rows.where('assignedToUserId', '=', assignedTo!))
    .$if(place !== undefined, (rows) => rows.where(olderThan('createdAt', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ createdText, id }) =>
    ctx.cursors.write(list, { time: createdText, id }),
  )
  const nodes = await nodesOf(ctx, rows)
  return { items: rows.map((row) => presentInstance(row, nodes.get(row.id))), nextCursor }
}

/**
 * By our id or the provider's.
 *
 * @throws problem `fleet.instance_not_found`, also for a machine that exists but is not ours
 */
export async function findInstance(
  ctx: Context,
  id: string,
  { provider, assignedTo }: Among = {},
): Promise<InstanceRow> {
  const row = await ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where((where) => where.or([where('id', '=', id), where('providerId', '=', id)]))
    .$if(provider !== undefined, (rows) => rows.where('provider', '=', provider!))
    .$if(assignedTo !== undefined, (rows) => rows.where('assignedToUserId', '=', assignedTo!))
    .orderBy('createdAt', 'desc')
    .executeTakeFirst()
  if (!row) throw problems.instanceNotFound({ id })
  return row
}

export async function showInstance(ctx: Context, id: string, among?: Among): Promise<Instance> {
  return shown(ctx, await findInstance(ctx, id, among))
}

/** What the row, the node and the provider say now. A provider that does not answer in time is left out. */
export async function instanceStatus(
  ctx: Context,
  parts: FleetParts,
  id: string,
  only?: ProviderName,
): Promise<InstanceStatus> {
  const row = await findInstance(ctx, id, { provider: only })
  const node = (await nodesOf(ctx, [row])).get(row.id)
  const machine = await describe(ctx, parts, row)
  const health = healthOf({ ...row, providerHealth: machine?.health ?? row.providerHealth }, node)
  return {
    ...{ id: row.id, status: row.status, checkedAt: ctx.clock.now().toISOString() },
    ...(row.providerId && { instanceId: row.providerId }),
    ...(health && { healthStatus: health }),
    ...(machine && { providerStatus: machine.providerStatus }),
    ...(machine?.health && { providerHealth: machine.health }),
    ...(node && { node: presentNode(node) }),
    ...(row.errorMessage && { errorMessage: row.errorMessage }),
  }
}

/** How its provider finds the machine of a row that has one. */
export function refOf({ providerId, region }: InstanceRow): MachineRef {
  return { providerId: providerId!, ...(region && { region }) }
}

async function describe(ctx: Context, parts: FleetParts, row: InstanceRow) {
  const { provider, providerId, managed } = row
  const asked = parts.providers.get(provider)
  if (!asked || !providerId || !managed) return undefined
  try {
    const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(DESCRIBE_MS)])
    return await asked.describe(refOf(row), signal)
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    ctx.log.warn({ err: error, provider }, 'provider could not tell a machine’s status')
    return undefined
  }
}

export async function shown(ctx: Context, row: InstanceRow): Promise<Instance> {
  return presentInstance(row, (await nodesOf(ctx, [row])).get(row.id))
}

async function nodesOf(ctx: Context, rows: readonly InstanceRow[]): Promise<Map<string, NodeRow>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map(({ id }) => id)
  const nodes = await ctx.db
    .selectFrom('fleetNodes')
    .selectAll()
    .where('instanceId', 'in', ids)
    .execute()
  return new Map(nodes.map((node) => [node.instanceId, node]))
}

/** Machines that were launched for relays and have not ended, with when they were launched. */
export async function relayInstances({ db }: Context): Promise<{ id: string; since: Date }[]> {
  const rows = await db
    .selectFrom('fleetInstances')
    .select(['id', 'createdAt'])
    .where('purpose', '=', 'relay')
    .where('managed', '=', true)
    .where('status', 'in', ['provisioning', 'running', 'error'])
    .orderBy('createdAt')
    .limit(MOST_OF_RELAYS)
    .execute()
  return rows.map(({ id, createdAt: since }) => ({ id, since }))
}
