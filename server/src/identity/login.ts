import type { Context } from '#kernel/context.ts'
import type { Client } from './client.ts'
import { emailKey } from './email.ts'
import { signInFailed } from './events.ts'
import { demandFactor } from './factors/demand.ts'
import { noteUse } from './factors/remembered.ts'
import type { SecondFactorRequired } from './factors/schema.ts'
import { type Judgement, judgePassword } from './judge-password.ts'
import { problems } from './problems.ts'
import type { Login, SignedIn } from './schema.ts'
import { recordSignIn } from './sign-in-records.ts'
import { openSignIn, type Opening, presentSignIn } from './sign-ins.ts'
import type { SignInRow } from './tables.ts'
import type { Tools } from './tools.ts'
import { findUser, type UserRow } from './users.ts'

type Refusal = 'unknown_user' | 'wrong_password' | 'disabled' | 'locked'

/**
 * Signs a person in by password. An unknown address, a disabled or locked user and a wrong password get the same answer after the same
 * work; which of them it was is told in `user.sign_in_failed` and to the person only. Who has a second factor is asked for it, and not
 * signed in yet.
 *
 * @throws problem `auth.invalid_credentials`, `auth.too_many_attempts` or `auth.busy`
 */
export async function login(
  tools: Tools,
  ctx: Context,
  { email, password, rememberToken }: Pick<Login, 'email' | 'password' | 'rememberToken'>,
  client: Client,
): Promise<SignedIn | SecondFactorRequired> {
  const key = emailKey(email)!
  const { user, judged } = await tools.attempts.during('sign_in', client, async () => {
    const user = await findUser(ctx.db, 'emailKey', key)
    return { user, judged: await judgePassword(tools, ctx, { emailKey: key, password, user }) }
  })
  if (!user || judged !== 'right' || user.status !== 'active') {
    return refuse(ctx, user, reasonOf(user, judged), client)
  }

  const passwordHash = await tools.passwords.renew(ctx.signal, password, user.passwordHash)
  const goOn = await ctx.transaction(async (ctx) => {
    const demand = await demandFactor(ctx, user, { amr: ['pwd'], client, rememberToken })
    if ('demanded' in demand)
      return askFurther(ctx, user, demand.demanded, { passwordHash, client })
    const { amr, remembered } = demand
    const entered = await letIn(tools, ctx, user, { amr, client, passwordHash })
    if (entered && remembered) await noteUse(ctx, remembered, entered.signIn.id)
    return entered
  })
  if (!goOn) return refuse(ctx, user, 'wrong_password', client)
  await tools.attempts.giveBackFrom('sign_in', client.ipAddress)
  return 'challengeId' in goOn ? goOn : presentSignIn(tools, ctx, goOn.user, goOn.signIn)
}

/** How somebody proved who they are, and from where. */
interface Entry extends Opening {
  /** A new hash of the same password. */
  passwordHash?: string
}

/** Signs the user in, in the caller's transaction, unless they were disabled or changed since the row was read. */
export async function letIn(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  { passwordHash = user.passwordHash, ...how }: Entry,
): Promise<{ user: UserRow; signIn: SignInRow } | undefined> {
  const fresh = await markLogin(ctx, user, passwordHash)
  if (!fresh) return undefined
  return { user: fresh, signIn: await openSignIn(tools, ctx, fresh, how) }
}

function reasonOf(user: UserRow | undefined, judged: Judgement): Refusal {
  if (judged === 'locked') return 'locked'
  if (!user) return 'unknown_user'
  return judged === 'right' ? 'disabled' : 'wrong_password'
}

async function askFurther(
  ctx: Context,
  user: UserRow,
  demanded: SecondFactorRequired,
  { passwordHash, client }: { passwordHash: string; client: Client },
): Promise<SecondFactorRequired> {
  await recordSignIn(ctx, user.id, 'second_factor_needed', client)
  if (passwordHash !== user.passwordHash) {
    await ctx.db
      .updateTable('users')
      .set({ passwordHash })
      .where('id', '=', user.id)
      .where('passwordHash', '=', user.passwordHash)
      .execute()
  }
  return demanded
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
    if (user && reason !== 'unknown_user') await recordSignIn(ctx, user.id, reason, client)
  })
  ctx.log.info({ reason, ...(user && { user: user.id }) }, 'sign-in refused')
  throw problems.invalidCredentials()
}
