import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { sha256 } from '#kernel/crypto.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { Problem } from '#kernel/problem.ts'
import { demand, holdAccount } from '../accounts/hold.ts'
import { actFor } from '../accounts/standing.ts'
import { userIdOf } from '../accounts/read.ts'
import { emailKey } from '../email.ts'
import { requireVerifiedEmail } from '../email-verification.ts'
import { isWeighty, requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { cancel } from './cancel.ts'
import { invitationResent, invited } from './events.ts'
import { LIFE_HOURS, statusOf, whyEnded } from './life.ts'
import { mailInvitation } from './mail.ts'
import { invitationProblems } from './problems.ts'
import { beyond } from './right.ts'
import type { CreateInvitation, InvitationQuery } from './schema.ts'
import type { InvitationRow } from './tables.ts'

const LIST = 'invitations'
const TOKEN_BYTES = 32
const HOUR_MS = 60 * 60 * 1000

const MAX_A_DAY = 100
const MAX_TIMES_SENT = 10

/**
 * Invites somebody to the account that the caller acts for, or to run the installation, and mails them the link. Announces
 * `invitation.created`.
 *
 * @throws problem `request.invalid`, `auth.email_not_verified`, `auth.forbidden`, `invitation.above_you`, `auth.step_up_required` for a role that gives
 * roles, `invitation.open`, `invitation.is_member` or `invitation.too_many`
 */
export async function invite(
  tools: Tools,
  ctx: Context,
  { email, accountId: named, ...given }: CreateInvitation,
): Promise<InvitationRow> {
  const { role = null, platformRole = null } = given
  checkAim({ role, platformRole, named })
  if (ctx.actor.kind === 'user') await requireVerifiedEmail(tools, ctx)
  return ctx.transaction(async (ctx) => {
    const acting = role ? await holdAccount(ctx, 'invitations.write') : ctx
    if (platformRole) demand(acting, 'staff.write')
    const above = beyond(acting.actor, { role, platformRole })
    if (above) throw invitationProblems.aboveYou({ role: above })
    if (isWeighty({ role, platformRole })) await requireStepUp(acting)
    const aim = { accountId: role ? acting.accountId : null, emailKey: emailKey(email)! }
    await checkRoom(acting, aim)
    const { token, ...sealed } = freshToken(acting)
    const row = await acting.db
      .insertInto('invitations')
      .values({
        ...{ id: ctx.newId('inv'), email, role, platformRole, ...aim, ...sealed },
        invitedBy: userIdOf(acting)!,
        createdAt: sealed.sentAt,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (!row) throw await openNow(acting, aim)
    await acting.events.emit(invited, {
      invitationId: row.id,
      ...(role && { role }),
      ...(platformRole && { platformRole }),
    })
    await mailInvitation(acting, row, token)
    return row
  })
}

function checkAim(aim: { role: unknown; platformRole: unknown; named?: string | undefined }): void {
  if (aim.role) return
  const message = 'is needed: the role that the person is to have in the account'
  if (aim.platformRole && aim.named === undefined) return
  throw httpProblems.invalid({ errors: [{ path: 'body.role', message }] })
}

type Aim = Pick<InvitationRow, 'accountId' | 'emailKey'>

/** Of two invitations at once to one address, the unique index lets one through. */
async function checkRoom(ctx: Context, { accountId, emailKey }: Aim): Promise<void> {
  const place = accountId ?? ''
  const before = await toAim(ctx, accountId).where('emailKey', '=', emailKey).executeTakeFirst()
  if (before && statusOf(before, ctx.clock.now()) === 'pending') {
    throw invitationProblems.open({ id: before.id })
  }
  if (before) await cancel(ctx, before, 'replaced')
  const member = await ctx.db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.userId')
    .select('users.id')
    .where('members.accountId', '=', place)
    .where('users.emailKey', '=', emailKey)
    .executeTakeFirst()
  if (member) throw invitationProblems.isMember()
  const { count } = await ctx.db
    .selectFrom('invitations')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('accountId', accountId === null ? 'is' : '=', accountId)
    .where('createdAt', '>', new Date(ctx.clock.now().getTime() - 24 * HOUR_MS))
    .executeTakeFirstOrThrow()
  if (Number(count) >= MAX_A_DAY) throw tooMany()
}

/** Of invitations to run the installation that are made at once, all have seen none before them. */
async function openNow(ctx: Context, { accountId, emailKey }: Aim): Promise<Problem> {
  const { id } = await toAim(ctx, accountId)
    .where('emailKey', '=', emailKey)
    .executeTakeFirstOrThrow()
  return invitationProblems.open({ id })
}

function toAim(ctx: Context, accountId: string | null) {
  return ctx.db
    .selectFrom('invitations')
    .selectAll()
    .where('accountId', accountId === null ? 'is' : '=', accountId)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
}

function freshToken({ clock }: Context) {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const sentAt = clock.now()
  const expiresAt = new Date(sentAt.getTime() + LIFE_HOURS * HOUR_MS)
  return { token, tokenHash: sha256(token), sentAt, expiresAt }
}

/** The invitations to the account, or to run the installation, the newest first. */
export async function listInvitations(ctx: Context, { limit, cursor, to }: InvitationQuery) {
  if (to === 'installation') demand(ctx, 'staff.read')
  const accountId = to === 'installation' ? null : ctx.accountId
  const list = `${LIST} ${accountId}`
  const place = ctx.cursors.read(list, cursor)
  const rows = await ctx.db
    .selectFrom('invitations')
    .selectAll()
    .select(timeText('createdAt').as('createdAtText'))
    .where('accountId', accountId === null ? 'is' : '=', accountId)
    .$if(place !== undefined, (query) => query.where(olderThan('createdAt', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return cutPage(rows, limit, ({ createdAtText, id }) =>
    ctx.cursors.write(list, { time: createdAtText, id }),
  )
}

/**
 * Mails the invitation again with another link, good for 72 hours from now; the link before is worthless. Announces
 * `invitation.resent`.
 *
 * @throws problem `invitation.not_found`, `invitation.ended`, `invitation.above_you`, `auth.step_up_required` or `invitation.too_many`
 */
export async function resendInvitation(ctx: Context, id: string): Promise<InvitationRow> {
  const { acting, row } = await reach(ctx, id)
  const above = beyond(acting.actor, row)
  if (above) throw invitationProblems.aboveYou({ role: above })
  if (isWeighty(row)) await requireStepUp(acting)
  if (row.timesSent >= MAX_TIMES_SENT) throw tooMany()
  return acting.transaction(async (ctx) => {
    const { token, ...sealed } = freshToken(ctx)
    const sent = await ctx.db
      .updateTable('invitations')
      .set({ ...sealed, timesSent: row.timesSent + 1 })
      .where('id', '=', id)
      .where('timesSent', '=', row.timesSent)
      .where('acceptedAt', 'is', null)
      .where('cancelledAt', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (!sent) throw await ended(ctx, id)
    await ctx.events.emit(invitationResent, { invitationId: id })
    await mailInvitation(ctx, sent, token)
    return sent
  })
}

/** Takes an invitation back; announces `invitation.cancelled`. @throws problem `invitation.not_found` or `invitation.ended` */
export async function cancelInvitation(ctx: Context, id: string): Promise<void> {
  const { acting, row } = await reach(ctx, id)
  await acting.transaction(async (ctx) => {
    if (await cancel(ctx, row, 'cancelled')) return
    const now = await findInvitation(ctx, 'id', id)
    if (now?.acceptedAt) throw await ended(ctx, id)
  })
}

/** The invitation, and the context of the caller in its account. @throws problem `invitation.not_found`, also for one of others */
async function reach(ctx: Context, id: string): Promise<{ acting: Context; row: InvitationRow }> {
  const row = await findInvitation(ctx, 'id', id)
  if (!row) throw invitationProblems.notFound({ id })
  if (row.accountId === null) {
    const acting = ctx
    if (!canSee(acting, 'staff.read')) throw invitationProblems.notFound({ id })
    demand(acting, 'staff.write')
    return { acting, row }
  }
  const acting = await actFor(ctx, row.accountId).catch((error: unknown) => {
    const isAbsent = error instanceof Problem && error.code === httpProblems.noAccount.kind.code
    throw isAbsent ? invitationProblems.notFound({ id }) : error
  })
  demand(acting, 'invitations.write')
  return { acting, row }
}

function canSee(ctx: Context, permission: string): boolean {
  try {
    demand(ctx, permission)
    return true
  } catch {
    return false
  }
}

export function findInvitation(
  { db }: Context,
  column: 'id' | 'tokenHash',
  value: string | Buffer,
): Promise<InvitationRow | undefined> {
  return db
    .selectFrom('invitations')
    .selectAll()
    .where(column, '=', value as never)
    .executeTakeFirst()
}

async function ended(ctx: Context, id: string): Promise<Problem> {
  const row = await findInvitation(ctx, 'id', id)
  return row
    ? invitationProblems.ended({ why: whyEnded(row, ctx.clock.now()) })
    : invitationProblems.notFound({ id })
}

function tooMany(): Problem {
  const retryAfterSeconds = (24 * HOUR_MS) / 1000
  return invitationProblems.tooMany({ limit: MAX_A_DAY, retryAfterSeconds })
}
