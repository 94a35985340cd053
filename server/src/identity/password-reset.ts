import { z } from 'zod'
import { linkTo, sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import type { Client } from './client.ts'
import { emailKey } from './email.ts'
import { mailRestoreLink } from './leaving/schedule.ts'
import { checkToken, issueToken, lifeMinutes, useToken } from './one-time-tokens.ts'
import { nameOf, replacePassword } from './password-change.ts'
import { claimAddress } from './claim-address.ts'
import { problems } from './problems.ts'
import type { ResetPassword } from './schema.ts'
import type { Tools } from './tools.ts'
import { findUser } from './users.ts'

const PURPOSE = 'reset_password'

/**
 * Mails a link that sets a new password, if a user has the address. Whether one has is looked up later, by a job, so neither the answer
 * nor its time can tell.
 *
 * @throws problem `auth.too_many_attempts`
 */
export async function forgotPassword(
  { attempts }: Tools,
  ctx: Context,
  { email }: { email: string },
  { ipAddress }: Client,
): Promise<void> {
  const key = emailKey(email)!
  await attempts.takeFrom('forgot_password', ipAddress, `for ${key}`)
  await ctx.jobs.send(mailReset, { emailKey: key, ...(ipAddress && { ipAddress }) })
}

export const mailReset = defineJob({
  name: 'identity.mail_password_reset',
  summary: 'Mail the link that sets a new password to whoever has forgotten theirs',
  input: z.strictObject({ emailKey: z.string(), ipAddress: z.string().optional() }),
  async run(ctx, { emailKey, ipAddress }) {
    const user = await findUser(ctx.db, 'emailKey', emailKey)
    // Who is to be deleted gets the way back instead.
    if (user?.status === 'leaving') return ctx.transaction((ctx) => mailRestoreLink(ctx, user))
    if (user?.status !== 'active') return
    const { id: userId, email, accountId } = user
    await ctx.transaction(async (ctx) => {
      const token = await issueToken(ctx, { userId, purpose: PURPOSE, email })
      const link = linkTo(ctx, 'reset-password', token)
      const values = {
        link,
        expiresInMinutes: lifeMinutes(PURPOSE),
        ...(ipAddress && { ipAddress }),
      }
      await sendMail(ctx, { to: email, template: PURPOSE, values, accountId })
    })
  },
})

/**
 * Sets a new password for the holder of a mailed token, and signs nobody in: second factors are asked for as ever. Ends what
 * `replacePassword` ends and every lock, and takes the address as proven; `claimAddress` tells what goes if it was not before.
 *
 * @throws problem `auth.link_invalid`, `auth.weak_password`, `auth.too_many_attempts` or `auth.busy`
 */
export async function resetPassword(
  tools: Tools,
  ctx: Context,
  { token, password }: ResetPassword,
  client: Client,
): Promise<void> {
  const { user, hash } = await tools.attempts.during('reset_password', client, async () => {
    // Before any hashing, so that strangers cannot make the server work.
    const { userId } = await checkToken(ctx, PURPOSE, token)
    const user = await findUser(ctx.db, 'id', userId)
    if (!user) throw problems.linkInvalid()
    return { user, hash: await tools.passwords.choose(ctx.signal, password, nameOf(user)) }
  })
  await ctx.transaction(async (ctx) => {
    const used = await useToken(ctx, PURPOSE, token)
    const proven = used.userId === user.id && used.email === user.email
    if (!proven || !(await replacePassword(tools, ctx, user, { hash, how: 'reset', client }))) {
      throw problems.linkInvalid()
    }
    await claimAddress(tools, ctx, user)
    await tools.failures.clear(user.emailKey, ctx.db)
  })
}
