import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { signInLocked } from './events.ts'
import type { Tools } from './tools.ts'
import type { UserRow } from './users.ts'

export type Judgement = 'right' | 'wrong' | 'locked'

/**
 * Whether this is the user's password; without a user, no after the same work. While too many wrong ones came for the address, every
 * password counts as wrong, after the same work too. Announces `user.sign_in_locked` and mails it when that begins.
 *
 * @throws problem `auth.busy`
 */
export async function judgePassword(
  { passwords, failures }: Tools,
  ctx: Context,
  { emailKey, password, user }: { emailKey: string; password: string; user: UserRow | undefined },
): Promise<Judgement> {
  let standing = { refused: false }
  // Counted once it is this one's turn: who is told to come back later has not tried.
  const begin = async () => void (standing = await failures.begin(emailKey))
  const matches = await passwords.matches(ctx.signal, password, user?.passwordHash, begin)
  const { refused, lockedUntil } = standing as Awaited<ReturnType<typeof failures.begin>>
  if (refused) return 'locked'
  if (matches && user) {
    await failures.clear(emailKey)
    return 'right'
  }
  if (lockedUntil) await announceLock(ctx, user, lockedUntil)
  return 'wrong'
}

async function announceLock(ctx: Context, user: UserRow | undefined, until: Date): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const acting = user ? ctx.actingFor(user.accountId) : ctx
    const fact = { until: until.toISOString(), ...(user && { userId: user.id }) }
    await acting.events.emit(signInLocked, fact)
    if (user?.status !== 'active') return
    const { email: to, accountId } = user
    const values = { until: until.toISOString() }
    await sendMail(ctx, { to, template: 'sign_in_locked', values, accountId })
  })
  ctx.log.warn({ ...(user && { user: user.id }) }, 'sign-in locked after many wrong passwords')
}
