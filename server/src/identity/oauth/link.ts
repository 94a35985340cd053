import { sql } from 'kysely'
import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { signedOut } from '../events.ts'
import { lockFactors } from '../factors/holding.ts'
import { forgetDevicesOf } from '../factors/remembered.ts'
import { revokeAll } from '../sign-ins.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { findUser, signedInActor, type UserRow } from '../users.ts'
import { identityLinked, identityUnlinked } from './events.ts'
import { findIdentity, identitiesOf, insertIdentity } from './identities.ts'
import { AMR } from './newcomers.ts'
import { oauthProblems } from './problems.ts'
import type { LinkedIdentity } from './schema.ts'
import type { LinkedIdentityRow } from './tables.ts'
import { beginVisit, type ProvenVisit, takeProof } from './visits.ts'

const MAX_IDENTITIES = 10

/** The identities that the caller may sign in with, the oldest first. */
export async function listIdentities(tools: Tools, ctx: Context): Promise<LinkedIdentity[]> {
  const rows = await identitiesOf(ctx, signedInActor(ctx).userId)
  return rows.map((row) => presentIdentity(tools, row))
}

/**
 * Sends the caller to a provider, to link the identity that they have there.
 *
 * @throws problem `auth.step_up_required`, `auth.too_many_attempts`, or what `find` and `beginVisit` throw
 */
export async function beginLink(
  tools: Tools,
  ctx: Context,
  { provider, browserHash }: { provider: string; browserHash: Buffer },
) {
  await requireStepUp(ctx)
  const { userId, signInId } = signedInActor(ctx)
  const found = tools.providers.find(provider)
  await tools.attempts.take('provider_visit', userId)
  return beginVisit(tools, ctx, found, { purpose: 'link', signInId, browserHash })
}

/**
 * Links the identity that the caller has just proven; announces `user.identity_linked`, and mails it. One that they have is shown as it
 * is.
 *
 * @throws problem `auth.step_up_required`, `oauth.code_invalid`, `oauth.linked_elsewhere` or `oauth.too_many_identities`
 */
export async function linkIdentity(
  tools: Tools,
  ctx: Context,
  { code, browserHash }: { code: string; browserHash: Buffer | undefined },
): Promise<LinkedIdentity> {
  await requireStepUp(ctx)
  const { userId, signInId } = signedInActor(ctx)
  const visit = await takeProof(ctx, code, { purpose: 'link', signInId, browserHash })
  const row = await ctx.transaction(async (ctx) => {
    await holdProven(ctx, userId)
    const linked = await identitiesOf(ctx, userId)
    const same = linked.find((one) => isOf(one, visit))
    if (same) return same
    if (linked.length >= MAX_IDENTITIES) {
      throw oauthProblems.tooManyIdentities({ limit: MAX_IDENTITIES })
    }
    const row = await insertIdentity(ctx, userId, visit, null)
    if (!row) throw oauthProblems.linkedElsewhere()
    const { id: identityId, provider } = row
    await ctx.events.emit(identityLinked, { userId, identityId, provider })
    await tell(tools, ctx, (await findUser(ctx.db, 'id', userId))!, { provider, what: 'linked' })
    return row
  })
  return presentIdentity(tools, row)
}

function isOf({ issuer, subject }: LinkedIdentityRow, { proof }: ProvenVisit): boolean {
  return issuer === proof.issuer && subject === proof.subject
}

/** Until the transaction ends. A reset that went first has ended the sign-in: what it let in must do nothing after that. */
async function holdProven(ctx: Context, userId: string): Promise<void> {
  await lockFactors(ctx, userId)
  await requireStepUp(ctx)
}

/**
 * Unlinks one of the caller's identities, unless they could not sign in without it, and ends what it may have let in elsewhere; announces
 * `user.identity_unlinked` and `user.signed_out`, and mails it.
 *
 * @throws problem `auth.step_up_required`, `oauth.identity_not_found` or `oauth.last_way_in`
 */
export async function unlinkIdentity(tools: Tools, ctx: Context, id: string): Promise<void> {
  await requireStepUp(ctx)
  const { userId } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    // Of two that are unlinked at once, the second sees what the first has left.
    await holdProven(ctx, userId)
    const user = (await findUser(ctx.db, 'id', userId))!
    const linked = await identitiesOf(ctx, userId)
    const identity = linked.find((one) => one.id === id)
    if (!identity) throw oauthProblems.identityNotFound({ id })
    const others = linked.filter((one) => one.id !== id && tools.providers.has(one.provider))
    if (!user.hasPassword && others.length === 0) throw oauthProblems.lastWayIn()
    await ctx.db.deleteFrom('linkedIdentities').where('id', '=', id).execute()
    await endLetIn(tools, ctx)
    const { provider } = identity
    await ctx.events.emit(identityUnlinked, { userId, identityId: id, provider })
    await tell(tools, ctx, user, { provider, what: 'unlinked' })
  })
}

/** Signs the caller out wherever a provider let them in, and voids what awaits a second factor after one; this sign-in stays. */
async function endLetIn(tools: Tools, ctx: Context): Promise<void> {
  const { userId, signInId: from } = signedInActor(ctx)
  await ctx.db
    .deleteFrom('signInChallenges')
    .where('userId', '=', userId)
    .where(sql<boolean>`${AMR} = any(amr)`)
    .execute()
  const reason = 'signed_out_elsewhere'
  const ended = await revokeAll(tools, ctx, { userId, reason, except: from, letInBy: AMR })
  await forgetDevicesOf(ctx, ended)
  for (const signInId of ended) await ctx.events.emit(signedOut, { userId, signInId, from })
}

/** Whether the caller has this identity. */
export async function isOwn(ctx: Context, { proof }: ProvenVisit): Promise<boolean> {
  return (await findIdentity(ctx, proof))?.userId === signedInActor(ctx).userId
}

async function tell(
  tools: Tools,
  ctx: Context,
  { email: to, accountId }: UserRow,
  { provider, what }: { provider: string; what: 'linked' | 'unlinked' },
): Promise<void> {
  const values = { provider: nameOf(tools, provider), what, at: ctx.clock.now().toISOString() }
  await sendMail(ctx, { to, template: 'identity_changed', values, accountId })
}

/** Of one that is configured no more, its id. */
function nameOf({ providers }: Tools, provider: string): string {
  return providers.list().find(({ id }) => id === provider)?.name ?? provider
}

function presentIdentity(tools: Tools, row: LinkedIdentityRow): LinkedIdentity {
  const { id, provider, email, createdAt, lastUsedAt } = row
  return {
    ...{ id, provider, providerName: nameOf(tools, provider) },
    ...(email && { email }),
    createdAt: createdAt.toISOString(),
    ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
  }
}
