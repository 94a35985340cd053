import { linkTo, sendMail } from '#notifications/index.ts'
import { grantableRoles } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { memberAdded } from '../accounts/events.ts'
import { memberProblems } from '../accounts/problems.ts'
import { actFor } from '../accounts/standing.ts'
import { issueToken } from '../one-time-tokens.ts'
import { createPerson } from '../people.ts'
import { isWeighty, requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import type { UserRow } from '../users.ts'
import { callerNow } from './reach.ts'
import type { CreateUser } from './schema.ts'

const LIFE_HOURS = 72
const HOUR_MS = 60 * 60 * 1000

/**
 * As `makeUser`, for whoever has just proved who they are if the user is to lead an account.
 *
 * @throws problem `auth.step_up_required` or what `makeUser` throws
 */
export async function createUser(tools: Tools, ctx: Context, input: CreateUser): Promise<string> {
  checkRole(input)
  if (isWeighty({ role: input.role ?? null, platformRole: null })) await requireStepUp(ctx)
  const { id } = await makeUser(tools, ctx, input)
  return id
}

/** @throws problem `request.invalid` */
export function checkRole({ role, accountId }: CreateUser, path = 'body'): void {
  if (role === undefined || accountId !== undefined) return
  const message = 'needs `accountId`: the account that the role is held in'
  throw httpProblems.invalid({ errors: [{ path: `${path}.role`, message }] })
}

/**
 * Makes a user whose address is still to be proven, and mails the link that sets their password and proves it. Announces
 * `user.registered` and, in an account, `member.added`.
 *
 * @throws problem `auth.forbidden`, `auth.email_taken`, `account.not_found` or `member.above_you`
 */
export async function makeUser(
  tools: Tools,
  ctx: Context,
  { email, firstName, lastName, accountId, role = 'member' }: CreateUser,
): Promise<UserRow> {
  return ctx.transaction(async (ctx) => {
    const acting = await callerNow(ctx, 'users.create')
    const passwordHash = tools.passwords.none()
    const person = { email, firstName, lastName, passwordHash, platformRoles: [] }
    const user = await createPerson(acting, { ...person, by: 'admin' })
    const account = accountId && (await join(acting, user.id, accountId, role))
    await mailWelcome(acting, { ...user, accountId: accountId ?? user.accountId }, account)
    ctx.afterCommit(() => tools.userChanged(user.id))
    return user
  })
}

/** Makes them a member, who acts for the account unless they say otherwise; its name. */
async function join(
  ctx: Context,
  userId: string,
  accountId: string,
  role: NonNullable<CreateUser['role']>,
): Promise<string> {
  const there = await actFor(ctx, accountId)
  if ('unfinished' in there.actor) throw httpProblems.secondFactorRequired()
  if (!grantableRoles(there.actor).includes(role)) throw memberProblems.aboveYou({ role })
  const account = await there.db
    .selectFrom('accounts')
    .select('name')
    .where('id', '=', accountId)
    .where('deletedAt', 'is', null)
    .forUpdate()
    .executeTakeFirst()
  if (!account) throw httpProblems.noAccount({ id: accountId })
  await there.db
    .insertInto('members')
    .values({ accountId, userId, role, createdAt: ctx.clock.now() })
    .execute()
  await there.db.updateTable('users').set({ accountId }).where('id', '=', userId).execute()
  await there.events.emit(memberAdded, { userId, role })
  return account.name
}

async function mailWelcome(
  ctx: Context,
  { id: userId, email, accountId }: UserRow,
  account: string | undefined,
): Promise<void> {
  const expiresAt = new Date(ctx.clock.now().getTime() + LIFE_HOURS * HOUR_MS)
  const token = await issueToken(ctx, { userId, purpose: 'reset_password', email, expiresAt })
  const values = {
    link: linkTo(ctx, 'reset-password', token),
    expiresInHours: LIFE_HOURS,
    ...(account && { account }),
  }
  await sendMail(ctx, { to: email, template: 'user_created', values, accountId })
}
