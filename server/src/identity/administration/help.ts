import { linkTo, sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { dropFactors } from '../factors/drop.ts'
import { heldBy } from '../factors/holding.ts'
import { tellChange } from '../factors/notices.ts'
import { forgetDevices } from '../factors/remembered.ts'
import { issueToken, lifeMinutes } from '../one-time-tokens.ts'
import { revokeAll } from '../sign-ins.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { factorsReset, resetMailed, signInsEnded, userUnlocked } from './events.ts'
import { administrationProblems } from './problems.ts'
import { holdUser } from './reach.ts'

/** Signs a user out on all devices, here at once and elsewhere within 5 s; announces `user.sign_ins_ended`. @throws what `holdUser` throws */
export async function signOutUser(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.write' })
    const ended = await revokeAll(tools, acting, { userId, reason: 'signed_out_elsewhere' })
    await forgetDevices(acting, userId)
    const { events } = acting.actingFor(user.accountId)
    await events.emit(signInsEnded, { userId, ended: ended.length })
  })
}

/**
 * Mails a user the link that sets a new password; announces `user.reset_mailed`. Nobody but the owner of the mailbox sees it.
 *
 * @throws problem `user.wrong_status`, `auth.too_many_attempts` or what `holdUser` throws
 */
export async function mailUserReset(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.write' })
    if (user.status !== 'active')
      throw administrationProblems.wrongStatus({ userId, status: user.status })
    const full = await tools.attempts.takeWithin(acting.db, 'forgot_password', `for ${userId}`)
    if (full) throw full
    const { email, accountId } = user
    const token = await issueToken(acting, { userId, purpose: 'reset_password', email })
    const link = linkTo(acting, 'reset-password', token)
    const values = { link, expiresInMinutes: lifeMinutes('reset_password') }
    await sendMail(acting, { to: email, template: 'reset_password', values, accountId })
    await acting.actingFor(accountId).events.emit(resetMailed, { userId })
  })
}

/**
 * Removes all second factors of somebody who has lost them, signs them out and tells them by mail; announces `user.factors_reset`. Their
 * password is still asked for.
 *
 * @throws problem `auth.step_up_required` or what `holdUser` throws
 */
export async function resetFactors(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await requireStepUp(ctx)
  await ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.secure' })
    const { totp: authenticatorApp, passkeys } = await heldBy(acting, userId)
    await dropFactors(acting, user)
    await forgetDevices(acting, userId)
    await revokeAll(tools, acting, { userId, reason: 'signed_out_elsewhere' })
    await tellChange(acting, user, 'reset_by_admin')
    const { events } = acting.actingFor(user.accountId)
    await events.emit(factorsReset, { userId, authenticatorApp, passkeys })
  })
}

/** Wrong passwords and second factors so far count no more; announces `user.unlocked`. @throws what `holdUser` throws */
export async function unlockUser(tools: Tools, ctx: Context, userId: string): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { acting, user } = await holdUser(ctx, userId, { permission: 'users.write' })
    await tools.failures.clear(user.emailKey, acting.db)
    await acting.db.deleteFrom('factorTries').where('userId', '=', userId).execute()
    await acting.actingFor(user.accountId).events.emit(userUnlocked, { userId })
  })
}
