import type { Context } from '#kernel/context.ts'
import type { TunnelDomain } from './domain-schema.ts'
import { presentDomain, recordName } from './domains.ts'
import { domainLost, domainVerified } from './events.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'
import { findOwn } from './read.ts'
import { changing, touch } from './revision.ts'
import type { TunnelDomainRow } from './tables.ts'

const LOOK_UP_MS = 10_000
/** A proof that has gone counts this much longer: a DNS may be ill for a while. */
const GRACE_MS = 2 * 86_400_000
const CLAIM_MS = 7 * 86_400_000

/**
 * Looks for the proof now; with it the domain leads here from this moment. One that another tunnel has proven is taken from that when
 * the other proof has gone. Announces `tunnel.domain_verified`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.domain_not_found`, `tunnel.domain_unproven` or `tunnel.domain_taken`
 */
export async function verifyDomain(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  domainId: string,
): Promise<TunnelDomain> {
  await findOwn(ctx, tunnelId)
  const claim = await findDomain(ctx, tunnelId, domainId)
  const found = await lookUp(ctx, parts, claim)
  const why = 'failure' in found ? found.failure : 'it was not among the records'
  if (!('texts' in found) || !found.texts.includes(claim.proof)) {
    await noteFailure(ctx, claim, why)
    throw problems.domainUnproven({ record: recordName(claim), proof: claim.proof, why })
  }
  return changing(ctx, parts, async (ctx, revision) => {
    const { id, name } = await findOwn(ctx, tunnelId)
    const before = await findDomain(ctx, tunnelId, domainId)
    await yieldOthers(ctx, before, found.texts, revision)
    const row = await markProven(ctx, before)
    if (!row) throw problems.domainNotFound({ id: domainId })
    if (!before.verifiedAt) {
      await touch(ctx, tunnelId, revision)
      await ctx.events.emit(domainVerified, { id, name, domainId, hostname: row.hostname })
    }
    return presentDomain(row)
  })
}

async function findDomain({ db }: Context, tunnelId: string, id: string): Promise<TunnelDomainRow> {
  const row = await db
    .selectFrom('tunnelDomains')
    .selectAll()
    .where('id', '=', id)
    .where('tunnelId', '=', tunnelId)
    .executeTakeFirst()
  if (!row) throw problems.domainNotFound({ id })
  return row
}

type Found = { texts: readonly string[] } | { failure: string }

async function lookUp(
  ctx: Context,
  { resolveTxt }: Pick<TunnelParts, 'resolveTxt'>,
  row: Pick<TunnelDomainRow, 'hostname'>,
): Promise<Found> {
  try {
    const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(LOOK_UP_MS)])
    return { texts: await resolveTxt(recordName(row), signal) }
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string }
    return { failure: `the DNS could not be asked (${code})` }
  }
}

/** Of no effect when what was served has been lost meanwhile. */
function markProven(ctx: Context, { id, proof, verifiedAt }: TunnelDomainRow) {
  const now = ctx.clock.now()
  return ctx.db
    .updateTable('tunnelDomains')
    .set({ verifiedAt: verifiedAt ?? now, provenAt: now, checkedAt: now })
    .set({ lastError: null, expiresAt: null })
    .where('id', '=', id)
    .where('proof', '=', proof)
    .$if(verifiedAt !== null, (rows) => rows.where('verifiedAt', 'is not', null))
    .returningAll()
    .executeTakeFirst()
}

async function noteFailure(ctx: Context, { id }: TunnelDomainRow, why: string): Promise<void> {
  await ctx.db
    .updateTable('tunnelDomains')
    .set({ checkedAt: ctx.clock.now(), lastError: why })
    .where('id', '=', id)
    .execute()
}

/** What the DNS says now decides between two who have proven a domain. @throws problem `tunnel.domain_taken` */
async function yieldOthers(
  ctx: Context,
  { id, hostname }: TunnelDomainRow,
  texts: readonly string[],
  revision: string,
): Promise<void> {
  const other = await ctx.db
    .selectFrom('tunnelDomains')
    .selectAll()
    .where('hostname', '=', hostname)
    .where('verifiedAt', 'is not', null)
    .where('id', '<>', id)
    .executeTakeFirst()
  if (!other) return
  if (texts.includes(other.proof)) throw problems.domainTaken({ hostname })
  await lose(ctx, other, 'another tunnel has proven it', revision)
}

/** For a caller of `changing`. */
async function lose(
  ctx: Context,
  { id: domainId, tunnelId, accountId, hostname }: TunnelDomainRow,
  reason: string,
  revision: string,
): Promise<void> {
  const now = ctx.clock.now()
  const lost = await ctx.db
    .updateTable('tunnelDomains')
    .set({ verifiedAt: null, lastError: reason, expiresAt: new Date(now.getTime() + CLAIM_MS) })
    .where('id', '=', domainId)
    .where('verifiedAt', 'is not', null)
    .returning('id')
    .executeTakeFirst()
  if (!lost) return
  await touch(ctx, tunnelId, revision)
  const { name } = await ctx.db
    .selectFrom('tunnels')
    .select('name')
    .where('id', '=', tunnelId)
    .executeTakeFirstOrThrow()
  const facts = { id: tunnelId, name, domainId, hostname, reason }
  await ctx.actingFor(accountId).events.emit(domainLost, facts)
}

/** Looks whether a domain that is served is still proven; one whose proof has gone for two days is served no more. */
export async function checkProof(
  ctx: Context,
  parts: TunnelParts,
  row: TunnelDomainRow,
): Promise<void> {
  const found = await lookUp(ctx, parts, row)
  if ('texts' in found && found.texts.includes(row.proof)) return void (await markProven(ctx, row))
  const why = 'failure' in found ? found.failure : 'the record has gone'
  await noteFailure(ctx, row, why)
  const provenAgoMs = ctx.clock.now().getTime() - (row.provenAt?.getTime() ?? 0)
  if ('failure' in found || provenAgoMs < GRACE_MS) return
  await changing(ctx, parts, (ctx, revision) => lose(ctx, row, why, revision))
}
