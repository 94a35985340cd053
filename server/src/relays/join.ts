import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { makeCredential } from '#kernel/member-credential.ts'
import { joined } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import type { JoinedRelay, JoinRelay } from './relay-schema.ts'
import { isEnded, namesOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

/**
 * Registers a relay, or registers it anew: its credential then replaces the earlier one. The token tells on which machine it was started;
 * one that comes by itself is known by its certificate. Announces `relay.joined`.
 *
 * @throws problem `relay.join_refused`, `relay.ended` for one that was ended after the token was made, or `relay.already_joined` while
 *   that relay beats under another certificate
 */
export async function joinRelay(
  ctx: Context,
  parts: Pick<RelaysParts, 'machines' | 'publicKeys' | 'doorbell'>,
  request: JoinRelay,
): Promise<JoinedRelay> {
  const credential = makeCredential('relay')
  const row = await ctx.transaction(async (ctx) => {
    const { token, fingerprint } = request
    const { instanceId, madeAt } = await parts.machines.redeemToken(ctx, token, fingerprint)
    const known = await findKnown(ctx, instanceId, fingerprint)
    if (known) refuseEnded(known, madeAt)
    const row = await register(ctx, known, request, sha256(credential))
    await ctx.events.emit(joined, namesOf(row))
    ctx.afterCommit(() => parts.doorbell.ring('tunnels'))
    return row
  })
  ctx.log.info({ relay: row.id, url: request.url }, 'relay joined')
  return { relayId: row.id, credential, publicKeys: [...(await parts.publicKeys())] }
}

/** @throws problem `relay.join_refused` for a machine that was launched for a relay which is not known any more */
async function findKnown(
  ctx: Context,
  instanceId: string | null,
  fingerprint: string,
): Promise<RelayRow | undefined> {
  const row = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .$if(instanceId !== null, (rows) => rows.where('instanceId', '=', instanceId!))
    .$if(instanceId === null, (rows) => rows.where('fingerprint', '=', fingerprint))
    .forUpdate()
    .executeTakeFirst()
  if (!row && instanceId) throw problems.joinRefused()
  if (!row || row.fingerprint === fingerprint) return row
  const lives = row.fingerprint !== null && (row.status === 'running' || row.status === 'draining')
  if (lives) throw problems.alreadyJoined({ id: row.id })
  return row
}

/** Whoever makes a new token wants it back. A machine of ours that was given up is about to end, and nobody makes a new token for it. */
function refuseEnded(row: RelayRow, madeAt: Date): void {
  const { id, instanceId, status, credentialHash, endedAt } = row
  const isGivenUp = instanceId !== null && credentialHash === null && status !== 'starting'
  if (isGivenUp) throw problems.joinRefused()
  if (isEnded(row) && (instanceId !== null || !endedAt || madeAt <= endedAt)) {
    throw problems.ended({ id })
  }
}

async function register(
  ctx: Context,
  known: RelayRow | undefined,
  { url, internalUrl, fingerprint, name, version }: JoinRelay,
  credentialHash: Buffer,
): Promise<RelayRow> {
  const now = ctx.clock.now()
  const told = {
    ...{ url, fingerprint, credentialHash, version, facts: '{}' },
    internalUrl: internalUrl ?? null,
    ...{ joinedAt: now, lastBeatAt: now, goneAt: null, endedAt: null, errorMessage: null },
  }
  if (known) return renew(ctx, known, told)
  const id = ctx.newId('rel')
  return ctx.db
    .insertInto('relays')
    .values({
      ...{ ...told, id, name: name ?? id.slice(-8), provider: 'joined', config: '{}' },
      ...{ status: 'running', statusSince: now, startedAt: now, createdAt: now },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** One that was to end and comes again after all, since somebody has started it, is not to end any more; what an operator drains stays so. */
function renew(
  ctx: Context,
  { id, status, drainReason }: RelayRow,
  told: Record<string, unknown>,
): Promise<RelayRow> {
  const reason = status === 'stopped' ? null : drainReason
  return ctx.db
    .updateTable('relays')
    .set((row) => ({
      ...told,
      ...{ status: reason ? 'draining' : 'running', drainReason: reason },
      ...{ statusSince: ctx.clock.now(), epoch: row('epoch', '+', 1), sequence: sql<string>`0` },
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}
