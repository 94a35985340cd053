import type { Context } from '#kernel/context.ts'
import type { Client } from './client.ts'
import { emailKey } from './email.ts'
import { signInFailed } from './events.ts'
import { problems } from './problems.ts'
import type { Login, SignedIn } from './schema.ts'
import { openSignIn, presentSignIn } from './sign-ins.ts'
import type { Tools } from './tools.ts'
import { findUser, type UserRow } from './users.ts'

type Refusal = 'unknown_user' | 'wrong_password' | 'disabled'

/**
 * Signs a person in by password. An unknown address, a disabled user and a wrong password get the same answer after the same work;
 * which of them it was is told in `user.sign_in_failed` only.
 *
 * @throws problem `auth.invalid_credentials` or `auth.busy`
 */
export async function login(
  tools: Tools,
  ctx: Context,
  { email, password }: Login,
  client: Client,
): Promise<SignedIn> {
  const user = await findUser(ctx.db, 'emailKey', emailKey(email)!)
  const matches = await tools.passwords.matches(ctx.signal, password, user?.passwordHash)
  if (!user || !matches || user.status !== 'active') {
    return refuse(ctx, user, reasonOf(user, matches), client)
  }

  const passwordHash = await tools.passwords.renew(ctx.signal, password, user.passwordHash)
  const letIn = await ctx.transaction(async (ctx) => {
    const fresh = await markLogin(ctx, user, passwordHash)
    if (!fresh) return undefined
    const signIn = await openSignIn(tools, ctx, fresh, { amr: ['pwd'], client })
    return { user: fresh, signIn }
  })
  if (!letIn) return refuse(ctx, user, 'wrong_password', client)
  return presentSignIn(tools, ctx, letIn.user, letIn.signIn)
}

function reasonOf(user: UserRow | undefined, matches: boolean): Refusal {
  if (!user) return 'unknown_user'
  return matches ? 'disabled' : 'wrong_password'
}

/** Fails when the user was disabled or got another password while this one was being checked. */
async function markLogin(
  ctx: Context,
  user: UserRow,
  passwordHash: string,
): Promise<UserRow | undefined> {
  const marked = await ctx.db
    .updateTable('users')
    .set({ lastLoginAt: ctx.clock.now(), passwordHash })
    .where('id', '=', user.id)
    .where('status', '=', 'active')
    .where('ver', '=', user.ver)
    .returning('id')
    .executeTakeFirst()
  return marked && findUser(ctx.db, 'id', user.id)
}

async function refuse(
  ctx: Context,
  user: UserRow | undefined,
  reason: Refusal,
  client: Client,
): Promise<never> {
  await ctx.transaction(async (ctx) => {
    const acting = user ? ctx.actingFor(user.accountId) : ctx
    await acting.events.emit(signInFailed, { reason, ...(user && { userId: user.id }), ...client })
  })
  ctx.log.info({ reason, ...(user && { user: user.id }) }, 'sign-in refused')
  throw problems.invalidCredentials()
}
