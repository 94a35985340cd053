import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Client } from './client.ts'
import { passwordChanged } from './events.ts'
import { forgetDevices } from './factors/remembered.ts'
import { voidTokens } from './one-time-tokens.ts'
import { problems } from './problems.ts'
import type { SignedIn } from './schema.ts'
import { openSignIn, presentSignIn, revokeAll } from './sign-ins.ts'
import { provePassword } from './step-up.ts'
import type { Tools } from './tools.ts'
import { findUser, signedInActor, type UserRow } from './users.ts'

/**
 * Gives the caller another password. All their devices are signed out; this one goes on under a new sign-in. Announces
 * `user.password_changed`, and mails it.
 *
 * @throws problem `auth.wrong_password`, `auth.weak_password`, `auth.too_many_attempts` or `auth.busy`
 */
export async function changePassword(
  tools: Tools,
  ctx: Context,
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  client: Client,
): Promise<SignedIn> {
  const user = await provePassword(tools, ctx, currentPassword)
  const person = nameOf(user)
  const hash = await tools.passwords.choose(ctx.signal, newPassword, person, 'body.newPassword')
  const amr = await provedSoFar(ctx)
  const renewed = await ctx.transaction(async (ctx) => {
    const fresh = await replacePassword(tools, ctx, user, { hash, how: 'changed', client })
    if (!fresh) throw problems.wrongPassword()
    return { user: fresh, signIn: await openSignIn(tools, ctx, fresh, { amr, client }) }
  })
  return presentSignIn(tools, ctx, renewed.user, renewed.signIn)
}

/** What the caller has proved, a second factor perhaps: the sign-in that goes on has proved it too. */
async function provedSoFar(ctx: Context): Promise<string[]> {
  const { amr } = await ctx.db
    .selectFrom('signIns')
    .select('amr')
    .where('id', '=', signedInActor(ctx).signInId)
    .executeTakeFirstOrThrow()
  return [...new Set(['pwd', ...amr])]
}

export function nameOf({ email, firstName, lastName }: UserRow) {
  return { email, firstName: firstName ?? undefined, lastName: lastName ?? undefined }
}

interface Replacement {
  hash: string
  how: 'changed' | 'reset'
  client: Client
}

/**
 * Sets the password, in the transaction of the caller, and ends what the old one had opened: every sign-in with its tokens, and what
 * was mailed to set a new one or to change the address. API keys stay. Undefined when the user was disabled or got another password in the
 * meantime.
 */
export async function replacePassword(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  { hash, how, client }: Replacement,
): Promise<UserRow | undefined> {
  const changed = await ctx.db
    .updateTable('users')
    .set({
      ...{ passwordHash: hash, hasPassword: true },
      ...{ ver: user.ver + 1, updatedAt: ctx.clock.now() },
    })
    .where('id', '=', user.id)
    .where('status', '=', 'active')
    .where('ver', '=', user.ver)
    .returning('id')
    .executeTakeFirst()
  if (!changed) return undefined
  const reason = how === 'reset' ? 'password_reset' : 'password_changed'
  await revokeAll(tools, ctx, { userId: user.id, reason })
  await forgetDevices(ctx, user.id)
  await voidTokens(ctx, user.id, ['reset_password', 'confirm_new_email'])
  await tellOfChange(ctx, user, how, client)
  return findUser(ctx.db, 'id', user.id)
}

async function tellOfChange(
  ctx: Context,
  { id: userId, email: to, accountId }: UserRow,
  how: Replacement['how'],
  client: Client,
): Promise<void> {
  await ctx.actingFor(accountId).events.emit(passwordChanged, { userId, how, ...client })
  const values = { at: ctx.clock.now().toISOString(), ...client }
  await sendMail(ctx, { to, template: 'password_changed', values, accountId })
}
