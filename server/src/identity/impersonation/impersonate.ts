import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { platformRolesOf } from '../accounts/standing.ts'
import type { Client } from '../client.ts'
import { makeRefreshToken, REFRESH_KEY_BYTES, refreshHash } from '../refresh-tokens.ts'
import type { SignedIn } from '../schema.ts'
import { digestOf, presentSignIn, refreshKeys } from '../sign-ins.ts'
import { requireStepUp } from '../step-up.ts'
import { staffProblems } from '../staff/problems.ts'
import type { SignInRow } from '../tables.ts'
import type { Tools } from '../tools.ts'
import { findUser, signedInActor, type UserRow } from '../users.ts'
import { mayActAs } from './actor.ts'
import { impersonated } from './events.ts'

const LIFE_MS = 30 * 60 * 1000

/**
 * Lets the caller act as a user for 30 minutes, and no longer than their own sign-in lives; ends what they did so before. The tokens
 * name both. Announces `user.impersonated`.
 *
 * @throws problem `auth.step_up_required`, `user.not_found`, or `user.not_below_you` for somebody of the caller's rank or above
 */
export async function impersonate(
  tools: Tools,
  ctx: Context,
  { userId, reason, client }: { userId: string; reason: string; client: Client },
): Promise<SignedIn> {
  const caller = signedInActor(ctx)
  await requireStepUp(ctx)
  const { user, signIn } = await ctx.transaction(async (ctx) => {
    const user = await findUser(ctx.db, 'id', userId)
    if (user?.status !== 'active') throw staffProblems.notFound({ userId })
    const isBelow = mayActAs(platformRolesOf(caller), user.platformRoles)
    if (!isBelow || userId === caller.userId) throw staffProblems.notBelowYou({ userId })
    await endThoseBefore(tools, ctx, caller.signInId)
    const signIn = await lendSignIn(tools, ctx, user, { caller, client })
    const expiresAt = signIn.expiresAt.toISOString()
    const facts = { userId, signInId: signIn.id, by: caller.userId, reason, expiresAt }
    await ctx.actingFor(user.accountId).events.emit(impersonated, facts)
    return { user, signIn }
  })
  return presentSignIn(tools, ctx, { ...user, platformRoles: [] }, signIn)
}

async function endThoseBefore(tools: Tools, ctx: Context, lenderId: string): Promise<void> {
  const ended = await ctx.db
    .updateTable('signIns')
    .set({ revokedAt: ctx.clock.now(), revokedReason: 'replaced' })
    .where('impersonatedFrom', '=', lenderId)
    .where('revokedAt', 'is', null)
    .returning('id')
    .execute()
  for (const { id } of ended) ctx.afterCommit(() => tools.revoked(id))
}

interface Lending {
  caller: ReturnType<typeof signedInActor>
  client: Client
}

async function lendSignIn(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  { caller, client }: Lending,
): Promise<SignInRow> {
  const id = ctx.newId('sgn')
  const now = ctx.clock.now()
  const key = randomBytes(REFRESH_KEY_BYTES)
  const expiresAt = new Date(now.getTime() + LIFE_MS)
  return ctx.db
    .insertInto('signIns')
    .values({
      ...{ id, userId: user.id, createdAt: now, lastActivityAt: now, amr: ['user'] },
      ...{ expiresAt, idleExpiresAt: expiresAt },
      ...{ impersonatedFrom: caller.signInId, impersonatedBy: caller.userId },
      refreshKey: tools.keyring.seal(refreshKeys.purpose, refreshKeys.place(id), key),
      refreshCounter: 1,
      refreshHash: refreshHash(makeRefreshToken(key, id, 1)),
      ...{ refreshedAt: now, refreshedBy: digestOf(client) },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}
