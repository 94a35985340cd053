import type { AccountRole, PlatformRole } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { steppedUp } from './events.ts'
import { judgePassword } from './judge-password.ts'
import { problems } from './problems.ts'
import type { Tools } from './tools.ts'
import { findUser, signedInActor, type UserRow } from './users.ts'

/** So long does a proof count. */
const FRESH_MS = 5 * 60 * 1000

/** For what a thief of a signed-in device must not do. @throws problem `auth.step_up_required`, or `auth.key_not_allowed` for an API key */
export async function requireStepUp(ctx: Context): Promise<void> {
  const { signInId } = signedInActor(ctx)
  const fresh = await ctx.db
    .selectFrom('signIns')
    .select('id')
    .where('id', '=', signInId)
    .where('revokedAt', 'is', null)
    .where('steppedUpAt', '>', new Date(ctx.clock.now().getTime() - FRESH_MS))
    .executeTakeFirst()
  if (!fresh) throw problems.stepUpRequired()
}

interface Granted {
  role: AccountRole | null
  platformRole: PlatformRole | null
}

/** Whether the roles let their holder give roles to others, so that who gives them proves again who they are. */
export function isWeighty({ role, platformRole }: Granted): boolean {
  return platformRole !== null || role === 'owner' || role === 'admin'
}

/**
 * Takes the password as a fresh proof of who it is, for 5 minutes; announces `user.stepped_up`.
 *
 * @throws problem `auth.wrong_password`, `auth.too_many_attempts` or `auth.busy`
 */
export async function stepUp(tools: Tools, ctx: Context, password: string): Promise<Date> {
  await provePassword(tools, ctx, password)
  return markSteppedUp(ctx, 'pwd')
}

/** After a proof: marks the caller's sign-in, and tells until when that counts. @param by how (RFC 8176) */
export async function markSteppedUp(ctx: Context, by: string): Promise<Date> {
  const { userId, signInId } = signedInActor(ctx)
  const now = ctx.clock.now()
  await ctx.transaction(async (ctx) => {
    await ctx.db
      .updateTable('signIns')
      .set({ steppedUpAt: now })
      .where('id', '=', signInId)
      .where('revokedAt', 'is', null)
      .execute()
    await ctx.events.emit(steppedUp, { userId, signInId, by })
  })
  return new Date(now.getTime() + FRESH_MS)
}

/**
 * The signed-in person, whose password this is. Wrong ones count like those of a sign-in.
 *
 * @throws problem `auth.no_password`, `auth.wrong_password`, `auth.too_many_attempts` or `auth.busy`
 */
export async function provePassword(
  tools: Tools,
  ctx: Context,
  password: string,
): Promise<UserRow> {
  const { userId } = signedInActor(ctx)
  const user = await findUser(ctx.db, 'id', userId)
  if (!user) throw httpProblems.unauthenticated()
  if (!user.hasPassword) throw problems.noPassword()
  const { emailKey } = user
  await tools.attempts.take('step_up', userId)
  const judgement = await judgePassword(tools, ctx, { emailKey, password, user })
  if (judgement !== 'right') throw problems.wrongPassword()
  await tools.attempts.giveBack('step_up', userId)
  return user
}
