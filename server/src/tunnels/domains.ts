import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import type { Context } from '#kernel/context.ts'
import type { ClaimDomain, TunnelDomain } from './domain-schema.ts'
import { domainClaimed, domainRemoved } from './events.ts'
import type { TunnelParts } from './parts.ts'
import { checkRoomForDomain } from './plan-limits.ts'
import { problems } from './problems.ts'
import { findOwn } from './read.ts'
import { changing, touch } from './revision.ts'
import { lockTunnels } from './status.ts'
import type { TunnelDomainRow } from './tables.ts'

const MOST_DOMAINS = 20
const CLAIM_MS = 7 * 86_400_000

export async function listDomains(ctx: Context, tunnelId: string): Promise<TunnelDomain[]> {
  await findOwn(ctx, tunnelId)
  const rows = await ctx.db
    .selectFrom('tunnelDomains')
    .selectAll()
    .where('tunnelId', '=', tunnelId)
    .orderBy('hostname')
    .limit(MOST_DOMAINS)
    .execute()
  return rows.map(presentDomain)
}

/**
 * Says that a domain is to lead here; it does once it is verified. Others may claim it too until then. Announces
 * `tunnel.domain_claimed`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.domain_refused`, `tunnel.domain_claimed`, `tunnel.too_many_domains` or `tunnel.domain_limit_reached`
 */
export async function claimDomain(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  { hostname }: ClaimDomain,
): Promise<TunnelDomain> {
  refuseUnfit(parts, hostname)
  return ctx.transaction(async (ctx) => {
    const { id, name, kind } = await findOwn(ctx, tunnelId)
    if (kind === 'tcp')
      throw problems.domainRefused({ hostname, why: 'cannot lead to a TCP tunnel' })
    await lockTunnels(ctx, [tunnelId])
    await checkRoom(ctx, tunnelId)
    await checkRoomForDomain(ctx)
    const now = ctx.clock.now()
    const row = await ctx.db
      .insertInto('tunnelDomains')
      .values({
        ...{ id: ctx.newId('tdm'), tunnelId, accountId: ctx.accountId, hostname, createdAt: now },
        proof: `gantry-verify=${randomBytes(24).toString('base64url')}`,
        ...{ verifiedAt: null, provenAt: null, checkedAt: null, lastError: null },
        expiresAt: new Date(now.getTime() + CLAIM_MS),
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (!row) throw problems.domainClaimed({ hostname })
    await ctx.events.emit(domainClaimed, { id, name, domainId: row.id, hostname })
    return presentDomain(row)
  })
}

async function checkRoom(ctx: Context, tunnelId: string): Promise<void> {
  const rows = await ctx.db
    .selectFrom('tunnelDomains')
    .select('id')
    .where('tunnelId', '=', tunnelId)
    .limit(MOST_DOMAINS)
    .execute()
  if (rows.length >= MOST_DOMAINS) throw problems.tooManyDomains({ limit: MOST_DOMAINS })
}

/** A part of the service, or above it: whoever served that could take its cookies. */
function refuseUnfit({ domain, ownHosts }: TunnelParts, hostname: string): void {
  const refuse = (why: string) => problems.domainRefused({ hostname, why })
  if (isIP(hostname) || hostname.endsWith('.localhost') || hostname.endsWith('.local')) {
    throw refuse('is no public host name')
  }
  const isWithin = (one: string, other: string) => one === other || one.endsWith(`.${other}`)
  for (const own of [domain, ...ownHosts()]) {
    if (isWithin(hostname, own) || isWithin(own, hostname)) throw refuse('belongs to this service')
  }
}

/** Announces `tunnel.domain_removed`. @throws problem `tunnel.not_found` or `tunnel.domain_not_found` */
export async function removeDomain(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  domainId: string,
): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    const { id, name } = await findOwn(ctx, tunnelId)
    const row = await ctx.db
      .deleteFrom('tunnelDomains')
      .where('id', '=', domainId)
      .where('tunnelId', '=', tunnelId)
      .returning('hostname')
      .executeTakeFirst()
    if (!row) throw problems.domainNotFound({ id: domainId })
    await touch(ctx, tunnelId, revision)
    await ctx.events.emit(domainRemoved, { id, name, domainId, hostname: row.hostname })
  })
}

/** Under which name the proof of a domain has to be. */
export function recordName({ hostname }: Pick<TunnelDomainRow, 'hostname'>): string {
  return `_gantry.${hostname}`
}

export function presentDomain(row: TunnelDomainRow): TunnelDomain {
  const { id, hostname, proof, verifiedAt, checkedAt, lastError, expiresAt } = row
  return {
    ...{ id, hostname, status: verifiedAt ? 'verified' : 'pending' },
    record: { type: 'TXT', name: recordName(row), value: proof },
    ...(verifiedAt && { verifiedAt: verifiedAt.toISOString() }),
    ...(checkedAt && { lastCheckedAt: checkedAt.toISOString() }),
    ...(lastError !== null && { lastError }),
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
    createdAt: row.createdAt.toISOString(),
  }
}
