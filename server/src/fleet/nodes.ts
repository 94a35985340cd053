import type { ExpressionBuilder } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { equalDigests } from '#kernel/crypto.ts'
import type { Tables } from '#kernel/db.ts'
import { credentialDigest } from '#kernel/member-credential.ts'
import { nodeDraining, nodeReturned } from './events.ts'
import type { BeatAnswer, BeatRequest, NodeFacts } from './node-schema.ts'
import type { FleetParts } from './parts.ts'
import { problems } from './problems.ts'
import type { NodeRow } from './tables.ts'

export const BEAT_SECONDS = 5
const MOST_LISTED = 10_000

/** The node whose credential an `Authorization` header carries. @throws problem `node.unauthenticated` */
export async function authenticateNode(
  ctx: Context,
  authorization: string | undefined,
): Promise<NodeRow> {
  const digest = credentialDigest('node', authorization)
  if (!digest) throw problems.unauthenticated()
  const row = await ctx.db
    .selectFrom('fleetNodes')
    .selectAll()
    .where('credentialHash', '=', digest)
    .executeTakeFirst()
  if (!row?.credentialHash || !equalDigests(row.credentialHash, digest)) {
    throw problems.unauthenticated()
  }
  return row
}

/**
 * Keeps what a node tells of itself and answers what it has to do. A beat that was overtaken changes nothing. A node that was gone is
 * back with it, and announces `node.returned`; it is told which of its sessions have ended meanwhile.
 *
 * @throws problem `node.unauthenticated` when a later join or the end of the machine has replaced this node
 */
export async function beat(
  ctx: Context,
  parts: Pick<FleetParts, 'sessionsToEnd' | 'generationsOf' | 'publicKeys'>,
  node: Pick<NodeRow, 'id' | 'instanceId' | 'epoch'>,
  { sequence, facts, sessions, url }: BeatRequest,
): Promise<BeatAnswer> {
  const kept = await ctx.transaction(async (ctx) => {
    const kept = await keepBeat(ctx, node, sequence, facts, url)
    if (kept && facts.sessions > 0) await noteActivity(ctx, node.instanceId)
    return kept
  })
  const row = kept ?? (await findNode(ctx, node))
  if (!row) throw problems.unauthenticated()
  // What a beat that was overtaken says of its sessions is no longer so.
  const [end, generations, publicKeys] = await Promise.all([
    kept ? parts.sessionsToEnd(ctx, row.instanceId, sessions) : [],
    parts.generationsOf(ctx, row.instanceId, sessions),
    parts.publicKeys(),
  ])
  return {
    ...{ end, generations, beatSeconds: BEAT_SECONDS, publicKeys: [...publicKeys] },
    sequence: Number(row.sequence),
    drain: row.drainReason !== null,
  }
}

/** Nothing when a later beat has come before, or the node is another by now. */
async function keepBeat(
  ctx: Context,
  { id, epoch }: Pick<NodeRow, 'id' | 'epoch'>,
  sequence: number,
  facts: NodeFacts,
  url: string | undefined,
): Promise<NodeRow | undefined> {
  const before = await ctx.db
    .selectFrom('fleetNodes')
    .select(['goneAt', 'drainReason', 'drainingSince'])
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .where('sequence', '<', String(sequence))
    .where(isOfFleet)
    .forUpdate()
    .executeTakeFirst()
  if (!before) return undefined
  const now = ctx.clock.now()
  const spot = facts.spotNotice === true && before.drainReason !== 'spot'
  // While its machine restarts a node is told to drain: one that does not is the new process.
  const isBack = before.drainReason === 'rebooting' && facts.draining !== true
  const row = await ctx.db
    .updateTable('fleetNodes')
    .set({
      ...{ sequence: String(sequence), capacity: facts.capacity, sessions: facts.sessions },
      ...{ version: facts.version, isDraining: facts.draining ?? false },
      isDiskFull: facts.diskFull ?? false,
      ...{ lastBeatAt: now, goneAt: null, leftAt: null },
      drainingSince: facts.draining ? (before.drainingSince ?? now) : null,
      ...(isBack && { drainReason: null }),
      ...(spot && { drainReason: 'spot' as const }),
      ...(url && { url }),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const names = { id, instanceId: row.instanceId }
  if (before.goneAt) await ctx.events.emit(nodeReturned, names)
  if (spot) await ctx.events.emit(nodeDraining, { ...names, reason: 'spot' })
  return row
}

/** Its machine has not ended, which a beat may learn only now that had shown its credential before. */
function isOfFleet({ exists, selectFrom }: ExpressionBuilder<Tables, 'fleetNodes'>) {
  return exists(
    selectFrom('fleetInstances')
      .select('fleetInstances.id')
      .whereRef('fleetInstances.id', '=', 'fleetNodes.instanceId')
      .where('fleetInstances.status', '<>', 'terminated'),
  )
}

async function noteActivity(ctx: Context, instanceId: string): Promise<void> {
  await ctx.db
    .updateTable('fleetInstances')
    .set({ lastActivityAt: ctx.clock.now() })
    .where('id', '=', instanceId)
    .execute()
}

function findNode(
  ctx: Context,
  { id, epoch }: Pick<NodeRow, 'id' | 'epoch'>,
): Promise<NodeRow | undefined> {
  return ctx.db
    .selectFrom('fleetNodes')
    .selectAll()
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .where(isOfFleet)
    .executeTakeFirst()
}

/** Those of machines that have not ended, the newest first. */
export function listNodes(ctx: Context): Promise<NodeRow[]> {
  return ctx.db
    .selectFrom('fleetNodes')
    .innerJoin('fleetInstances', 'fleetInstances.id', 'fleetNodes.instanceId')
    .selectAll('fleetNodes')
    .where('fleetInstances.status', '<>', 'terminated')
    .orderBy('fleetNodes.joinedAt', 'desc')
    .orderBy('fleetNodes.id', 'desc')
    .limit(MOST_LISTED)
    .execute()
}

/** By its own id or its machine's. @throws problem `fleet.node_not_found` */
export async function getNode(ctx: Context, id: string): Promise<NodeRow> {
  const row = await ctx.db
    .selectFrom('fleetNodes')
    .selectAll()
    .where((where) => where.or([where('id', '=', id), where('instanceId', '=', id)]))
    .executeTakeFirst()
  if (!row) throw problems.nodeNotFound({ id })
  return row
}
