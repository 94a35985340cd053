import type { PlatformRole } from '#access/index.ts'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { memberAdded } from '../accounts/events.ts'
import { holdSuperAdmins } from '../bootstrap.ts'
import type { Client } from '../client.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { endKeysOf } from '../keys/end-of-member.ts'
import { createPerson } from '../people.ts'
import { problems } from '../problems.ts'
import { enrol, withHash } from '../register.ts'
import { isWeighty } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { findUser, presentUser, signedInActor, type UserRow } from '../users.ts'
import { cancel } from './cancel.ts'
import { invitationAccepted } from './events.ts'
import { statusOf, whyEnded } from './life.ts'
import { presentInvitation } from './present.ts'
import { invitationProblems } from './problems.ts'
import { isRightful } from './right.ts'
import type { AcceptInvitation, Accepted } from './schema.ts'
import { findInvitation } from './service.ts'
import type { InvitationRow } from './tables.ts'

/**
 * Accepts an invitation: for whoever is signed in with the address that it was sent to, or for a new user, who is made and signed in.
 * Of two at once, one wins. Announces `invitation.accepted` and `member.added`.
 *
 * @throws problem `invitation.not_found`, `invitation.ended`, `invitation.other_person`, `invitation.sign_in_first`,
 * `auth.second_factor_required`, `auth.sign_up_closed`, `auth.weak_password`, `request.invalid` or `auth.busy`
 */
export async function acceptInvitation(
  tools: Tools,
  ctx: Context,
  input: AcceptInvitation,
  client: Client,
): Promise<Accepted> {
  const tokenHash = sha256(input.token)
  const found = await findGood(ctx, tokenHash)
  if (ctx.actor.kind === 'anonymous') return acceptAnew(tools, ctx, found, input, client)
  const { userId, impersonatedBy, unfinished } = signedInActor(ctx)
  if (unfinished) throw httpProblems.secondFactorRequired()
  if (impersonatedBy) throw httpProblems.notAsAnother()
  const me = await findUser(ctx.db, 'id', userId)
  if (me?.emailKey !== found.emailKey) throw invitationProblems.otherPerson()
  const row = await ctx.transaction(async (ctx) => {
    const row = await claim(ctx, found, userId)
    await join(tools, ctx, row, me)
    return row
  })
  const user = (await findUser(ctx.db, 'id', userId))!
  return { invitation: presentInvitation(row, ctx.clock.now()), user: presentUser(user) }
}

/** By somebody without a user. The token has shown that the address is theirs. */
async function acceptAnew(
  tools: Tools,
  ctx: Context,
  found: InvitationRow,
  { password, firstName, lastName }: AcceptInvitation,
  client: Client,
): Promise<Accepted> {
  const { email, emailKey, platformRole } = found
  if (await findUser(ctx.db, 'emailKey', emailKey)) throw invitationProblems.signInFirst()
  if (tools.signUp === 'closed' && !platformRole) throw problems.signUpClosed()
  if (password === undefined) throw passwordNeeded()
  const person = await withHash(tools, ctx, { email, password, firstName, lastName })
  let accepted = found
  const signedIn = await enrol(tools, ctx, client, async (ctx) => {
    const made = { ...person, platformRoles: [], by: 'invitation' as const }
    const user = await createPerson(ctx, made)
    accepted = await claim(ctx, found, user.id)
    await join(tools, ctx, accepted, user)
    if (found.accountId) await startIn(ctx, user.id, found.accountId)
    return (await findUser(ctx.db, 'id', user.id))!
  })
  return { invitation: presentInvitation(accepted, ctx.clock.now()), ...signedIn }
}

/** @throws problem `invitation.not_found` or `invitation.ended`; one whose maker lost the right to make it ends here */
async function findGood(ctx: Context, tokenHash: Buffer): Promise<InvitationRow> {
  const row = await findInvitation(ctx, 'tokenHash', tokenHash)
  if (!row) throw invitationProblems.notFound()
  if (statusOf(row, ctx.clock.now()) !== 'pending') throw ended(ctx, row)
  if (await isRightful(ctx, row)) return row
  await ctx.transaction((ctx) => cancel(ctx, row, 'inviter_lost_right'))
  throw invitationProblems.ended({ why: 'lost its worth: whoever made it may not invite any more' })
}

/** Marks the invitation as accepted, while its account and the right of its maker stand still. */
async function claim(ctx: Context, found: InvitationRow, userId: string): Promise<InvitationRow> {
  const { id, accountId, platformRole, tokenHash } = found
  if (accountId) await holdForJoining(ctx, accountId)
  if (platformRole) await holdSuperAdmins(ctx.db)
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('invitations')
    .set({ acceptedAt: now, acceptedBy: userId })
    .where('id', '=', id)
    .where('tokenHash', '=', tokenHash)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
    .where('expiresAt', '>', now)
    .returningAll()
    .executeTakeFirst()
  if (!row || !(await isRightful(ctx, row))) {
    throw ended(ctx, (await findInvitation(ctx, 'id', id)) ?? found)
  }
  return row
}

async function holdForJoining(ctx: Context, accountId: string): Promise<void> {
  await ctx.db.selectFrom('accounts').select('id').where('id', '=', accountId).forUpdate().execute()
}

async function join(
  tools: Tools,
  ctx: Context,
  { id: invitationId, accountId, role, platformRole }: InvitationRow,
  { id: userId }: UserRow,
): Promise<void> {
  const acting = accountId ? ctx.actingFor(accountId) : ctx
  if (accountId && role) {
    const joined = await ctx.db
      .insertInto('members')
      .values({ accountId, userId, role, createdAt: ctx.clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .returning('userId')
      .executeTakeFirst()
    // A key that was made while its maker was taken out is not to count now.
    if (joined) await endKeysOf(tools, acting, userId)
    await acting.events.emit(memberAdded, { userId, role, invitationId })
  }
  const added = sql<
    PlatformRole[]
  >`array(select distinct unnest(platform_roles || ${[platformRole]}::text[]))`
  await ctx.db
    .updateTable('users')
    .set({ emailVerified: true, updatedAt: ctx.clock.now() })
    .$if(platformRole !== null, (query) => query.set({ platformRoles: added }))
    .where('id', '=', userId)
    .execute()
  if (isWeighty({ role, platformRole })) await forgetDevices(ctx, userId)
  await acting.events.emit(invitationAccepted, {
    ...{ invitationId, userId },
    ...(role && { role }),
    ...(platformRole && { platformRole }),
  })
  ctx.afterCommit(() => tools.userChanged(userId))
}

/** Whoever came for this account acts for it unless they say otherwise. */
async function startIn(ctx: Context, userId: string, accountId: string): Promise<void> {
  await ctx.db.updateTable('users').set({ accountId }).where('id', '=', userId).execute()
}

function ended(ctx: Context, row: InvitationRow) {
  const isOpen = statusOf(row, ctx.clock.now()) === 'pending'
  const why = isOpen ? 'lost its worth' : whyEnded(row, ctx.clock.now())
  return invitationProblems.ended({ why })
}

function passwordNeeded() {
  const message = 'is needed: there is no user with the address that the invitation was sent to'
  return httpProblems.invalid({ errors: [{ path: 'body.password', message }] })
}
