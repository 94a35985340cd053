import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { makeCredential } from '#kernel/member-credential.ts'
import { adopted, nodeJoined } from './events.ts'
import { redeemToken } from './join-tokens.ts'
import { fillProvisioning } from './machines.ts'
import type { Joined, JoinRequest, NodeFacts } from './node-schema.ts'
import type { FleetParts } from './parts.ts'
import { problems } from './problems.ts'
import type { DrainReason } from './states.ts'
import type { InstanceRow, JoinTokenRow, NodeRow } from './tables.ts'

/**
 * Registers a node, or registers it anew: its credential then replaces the earlier one. The token tells which machine it is, or else
 * the node does, and a machine that nobody knew is taken into the fleet. Announces `node.joined`.
 *
 * @throws problem `node.join_refused`, `node.ended` for one that was ended after the token was made, or `node.already_joined` while the
 *   machine has a node that beats
 */
export async function joinNode(
  ctx: Context,
  parts: Pick<FleetParts, 'publicKeys'>,
  request: JoinRequest,
): Promise<Joined> {
  const credential = makeCredential('node')
  const joined = await ctx.transaction(async (ctx) => {
    const token = await redeemToken(ctx, request.token, request.fingerprint)
    const instance = await instanceOf(ctx, token, request)
    return register(ctx, instance, request, sha256(credential))
  })
  const { id: nodeId, instanceId } = joined
  ctx.log.info({ node: nodeId, instance: instanceId, url: request.url }, 'node joined')
  return { nodeId, instanceId, credential, publicKeys: [...(await parts.publicKeys())] }
}

async function instanceOf(
  ctx: Context,
  token: JoinTokenRow,
  request: JoinRequest,
): Promise<InstanceRow> {
  if (!token.instanceId) return instanceOfMachine(ctx, token, request)
  const row = await ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where('id', '=', token.instanceId)
    .where('status', 'in', ['provisioning', 'running', 'error'])
    .where('purpose', '<>', 'relay')
    .forUpdate()
    .executeTakeFirst()
  if (!row) throw problems.joinRefused()
  return row
}

async function instanceOfMachine(
  ctx: Context,
  token: JoinTokenRow,
  { machine, fingerprint }: JoinRequest,
): Promise<InstanceRow> {
  const { provider, id } = machine ?? { provider: 'local' as const, id: fingerprint }
  const known = await ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where('provider', '=', provider)
    .where('providerId', '=', id)
    .where('status', '<>', 'terminated')
    .forUpdate()
    .executeTakeFirst()
  if (known) return known
  await refuseEnded(ctx, token, provider, id)
  // A pod may be here before the provider's list has told of it.
  const filled = provider === 'kubernetes' ? await fillProvisioning(ctx, provider, id) : undefined
  return filled ?? adopt(ctx, provider, id, machine)
}

/** Whoever makes a new token for a machine that was taken out of the fleet wants it back. */
async function refuseEnded(
  ctx: Context,
  { createdAt: madeAt }: JoinTokenRow,
  provider: InstanceRow['provider'],
  providerId: string,
): Promise<void> {
  const ended = await ctx.db
    .selectFrom('fleetInstances')
    .select('id')
    .where('provider', '=', provider)
    .where('providerId', '=', providerId)
    .where('managed', '=', false)
    .where('endedAt', '>=', madeAt)
    .executeTakeFirst()
  if (ended) throw problems.ended({ machine: ended.id })
}

/** A machine that joins by itself is not ours to end, except for a pod: the next list tells whether it is one. */
async function adopt(
  ctx: Context,
  provider: InstanceRow['provider'],
  providerId: string,
  machine: JoinRequest['machine'],
): Promise<InstanceRow> {
  const id = ctx.newId('ins')
  const now = ctx.clock.now()
  const row = await ctx.db
    .insertInto('fleetInstances')
    .values({
      ...{ id, provider, providerId, managed: false, purpose: 'manual', status: 'running' },
      ...{ region: machine?.region ?? null, instanceType: machine?.instanceType ?? null },
      ...{ tags: '{}', createdAt: now, launchedAt: now, lastActivityAt: now },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await ctx.events.emit(adopted, { id, provider, instanceId: providerId })
  return row
}

async function register(
  ctx: Context,
  instance: InstanceRow,
  { url, fingerprint, facts }: JoinRequest,
  credentialHash: Buffer,
): Promise<NodeRow> {
  const now = ctx.clock.now()
  const told = {
    ...{ url, fingerprint, credentialHash, ...countsOf(facts) },
    ...{ joinedAt: now, lastBeatAt: now, drainReason: null, goneAt: null, leftAt: null },
  }
  const row = await ctx.db
    .insertInto('fleetNodes')
    .values({ id: ctx.newId('nod'), instanceId: instance.id, ...told })
    .onConflict((it) =>
      it
        .column('instanceId')
        .doUpdateSet((row) => ({
          ...{ ...told, drainReason: STILL_WANTED },
          ...{ epoch: row('fleetNodes.epoch', '+', 1), sequence: '0' },
        }))
        .where((where) =>
          where.or([
            where('fleetNodes.goneAt', 'is not', null),
            where('fleetNodes.fingerprint', '=', fingerprint),
          ]),
        ),
    )
    .returningAll()
    .executeTakeFirst()
  if (!row) throw problems.alreadyJoined({ machine: instance.id })
  await ctx.db
    .updateTable('fleetInstances')
    .set({ status: 'running', lastActivityAt: now, errorMessage: null })
    .where('id', '=', instance.id)
    .where('status', 'in', ['provisioning', 'running', 'error'])
    .execute()
  await ctx.events.emit(nodeJoined, { id: row.id, instanceId: instance.id })
  return row
}

/** What an operator has asked of the machine outlives the node process that it was told to. */
const STILL_WANTED = sql<DrainReason | null>`case
  when fleet_nodes.drain_reason in ('ending', 'restarting') then fleet_nodes.drain_reason end`

export function countsOf({ diskFull = false, draining = false, ...counts }: NodeFacts) {
  const { capacity, sessions, version } = counts
  return { capacity, sessions, version, isDraining: draining, isDiskFull: diskFull }
}
