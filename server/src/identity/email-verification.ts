import { linkTo, sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { emailVerified } from './events.ts'
import { issueToken, lifeMinutes, useToken } from './one-time-tokens.ts'
import { problems } from './problems.ts'
import type { Tools } from './tools.ts'
import { findUser, signedInActor, type UserRow } from './users.ts'

const PURPOSE = 'verify_email'

/** Mails a link that proves the address, in the transaction of the caller. */
export async function mailVerification(ctx: Context, user: UserRow): Promise<void> {
  const { id: userId, email, accountId } = user
  const token = await issueToken(ctx, { userId, purpose: PURPOSE, email })
  const expiresInHours = lifeMinutes(PURPOSE) / 60
  const values = { link: linkTo(ctx, 'verify-email', token), expiresInHours }
  await sendMail(ctx, { to: email, template: PURPOSE, values, accountId })
}

/** Mails the link again; nothing for an address that is proven already. @throws problem `auth.too_many_attempts` */
export async function resendVerification({ attempts }: Tools, ctx: Context): Promise<void> {
  const user = await ownUser(ctx)
  if (user.emailVerified) return
  await attempts.take('verification_mail', user.id)
  await ctx.transaction((ctx) => mailVerification(ctx, user))
}

/**
 * Takes the address as proven; announces `user.email_verified`. A link to an address that the user has no more proves nothing.
 *
 * @throws problem `auth.link_invalid`
 */
export async function verifyEmail(ctx: Context, token: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { userId, email } = await useToken(ctx, PURPOSE, token)
    const user = await markVerified(ctx, userId, email)
    const acting = ctx.actingFor(user.accountId)
    await acting.events.emit(emailVerified, { userId })
  })
}

async function markVerified(ctx: Context, id: string, email: string) {
  const user = await ctx.db
    .updateTable('users')
    .set({ emailVerified: true, updatedAt: ctx.clock.now() })
    .where('id', '=', id)
    .where('email', '=', email)
    .where('status', '=', 'active')
    .returning('accountId')
    .executeTakeFirst()
  if (!user) throw problems.linkInvalid()
  return user
}

/**
 * For what lasts or reaches others: an API key, an invitation. Asks nothing where proven addresses are not demanded.
 *
 * @throws problem `auth.email_not_verified`
 */
export async function requireVerifiedEmail(
  { verifiedEmailDemanded }: Tools,
  ctx: Context,
): Promise<void> {
  if (!verifiedEmailDemanded) return
  if (!(await ownUser(ctx)).emailVerified) throw problems.emailNotVerified()
}

async function ownUser(ctx: Context): Promise<UserRow> {
  const user = await findUser(ctx.db, 'id', signedInActor(ctx).userId)
  if (!user) throw httpProblems.unauthenticated()
  return user
}
