import { linkTo, sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { sqlState } from '#kernel/transaction.ts'
import { emailKey, maskEmail } from './email.ts'
import { emailChanged } from './events.ts'
import { issueToken, lifeMinutes, useToken, voidTokens } from './one-time-tokens.ts'
import { problems } from './problems.ts'
import { provePassword } from './step-up.ts'
import type { Tools } from './tools.ts'
import { findUser, type UserRow } from './users.ts'

const PURPOSE = 'confirm_new_email'
const UNIQUE_VIOLATION = '23505'

/**
 * Mails a link to the new address, and tells the old one; the address changes once the link is followed, unless the password changes
 * before. One that another user has gets no mail, and the answer does not tell.
 *
 * @throws problem `auth.wrong_password`, `auth.too_many_attempts` or `auth.busy`
 */
export async function changeEmail(
  tools: Tools,
  ctx: Context,
  { newEmail, password }: { newEmail: string; password: string },
): Promise<void> {
  const user = await provePassword(tools, ctx, password)
  await tools.attempts.take('verification_mail', user.id)
  await ctx.transaction(async (ctx) => {
    const { id: userId, accountId } = user
    await requireSamePassword(ctx, user)
    await tellOfRequest(ctx, user, newEmail)
    const token = await issueToken(ctx, { userId, purpose: PURPOSE, email: newEmail })
    const owner = await findUser(ctx.db, 'emailKey', emailKey(newEmail)!)
    if (owner && owner.id !== userId) return
    const expiresInHours = lifeMinutes(PURPOSE) / 60
    const values = { link: linkTo(ctx, 'confirm-email', token), expiresInHours }
    await sendMail(ctx, { to: newEmail, template: PURPOSE, values, accountId })
  })
}

/** Until the transaction ends: what an older password asked for must not come after what the newer one has voided. */
async function requireSamePassword(ctx: Context, { id, ver }: UserRow): Promise<void> {
  const same = await ctx.db
    .selectFrom('users')
    .select('id')
    .where('id', '=', id)
    .where('ver', '=', ver)
    .forUpdate()
    .executeTakeFirst()
  if (!same) throw problems.wrongPassword()
}

/** Whoever else has the password cannot move the user away unseen. */
async function tellOfRequest(
  ctx: Context,
  { email: to, accountId }: UserRow,
  newEmail: string,
): Promise<void> {
  const values = { newEmailMasked: maskEmail(newEmail), at: ctx.clock.now().toISOString() }
  await sendMail(ctx, { to, template: 'email_change_requested', values, accountId })
}

/**
 * Makes the new address the user's; announces `user.email_changed` and tells the old one. Of two users who want one address, one gets it.
 *
 * @throws problem `auth.link_invalid` or `auth.email_taken`
 */
export async function confirmEmail(ctx: Context, token: string): Promise<void> {
  await ctx
    .transaction(async (ctx) => {
      const { userId, email } = await useToken(ctx, PURPOSE, token)
      const before = await findUser(ctx.db, 'id', userId)
      if (before?.status !== 'active') throw problems.linkInvalid()
      await setEmail(ctx, userId, email)
      // What was mailed to the old address is good for nothing now.
      await voidTokens(ctx, userId, ['verify_email', 'reset_password'])
      await tellOfChange(ctx, before, email)
    })
    .catch((error: unknown) => {
      throw sqlState(error) === UNIQUE_VIOLATION ? problems.emailTaken() : error
    })
}

async function setEmail(ctx: Context, userId: string, email: string): Promise<void> {
  const now = ctx.clock.now()
  await ctx.db
    .updateTable('users')
    .set({ email, emailKey: emailKey(email)!, emailVerified: true, updatedAt: now })
    .where('id', '=', userId)
    .execute()
}

async function tellOfChange(
  ctx: Context,
  { id: userId, email: to, accountId }: UserRow,
  newEmail: string,
): Promise<void> {
  await ctx.actingFor(accountId).events.emit(emailChanged, { userId })
  const values = { newEmailMasked: maskEmail(newEmail), at: ctx.clock.now().toISOString() }
  await sendMail(ctx, { to, template: 'email_changed', values, accountId })
}
