import { equalDigests } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import type { Client } from './client.ts'
import { reuseDetected } from './events.ts'
import { problems } from './problems.ts'
import {
  isGenuine,
  makeRefreshToken,
  parseRefreshToken,
  type RefreshToken,
  refreshHash,
} from './refresh-tokens.ts'
import type { SignedIn } from './schema.ts'
import { digestOf, livesUntil, presentSignIn, refreshKeyOf, revokeSignIn } from './sign-ins.ts'
import type { SignInRow } from './tables.ts'
import type { Tools } from './tools.ts'
import { actorOf, findUser, type UserRow } from './users.ts'

/** So long may a client that lost the answer ask again with the token before. */
const GRACE_MS = 10_000

interface Live {
  user: UserRow
  signIn: SignInRow
}

/**
 * Trades a refresh token for the next pair. Of many calls at once with one token, one moves the sign-in on and all get the same pair.
 * A token that comes back later, or from elsewhere, was copied: that ends the sign-in and announces `sign_in.reuse_detected`.
 *
 * The next access token is signed before anything changes, since KMS may be away: then the client still has a token that counts.
 *
 * @throws problem `auth.invalid_refresh_token` or `auth.too_many_attempts`, or KmsFailure
 */
export async function refresh(
  tools: Tools,
  ctx: Context,
  { refreshToken }: { refreshToken: string },
  client: Client,
): Promise<SignedIn> {
  const token = parseRefreshToken(refreshToken)
  const signed = token && (await signNext(tools, ctx, { refreshToken, token, client }))
  // A refusal is told after the transaction: what it revoked must stay.
  const outcome =
    token &&
    (await ctx.transaction(async (ctx) => {
      const found = await lockLive(ctx, token.signInId)
      return found && trade(tools, ctx, found, { refreshToken, token, client }, signed?.at)
    }))
  if (outcome instanceof Problem) throw outcome
  if (outcome) {
    const { refreshCounter, refreshedAt } = outcome.signIn
    const isThat = refreshCounter === signed?.counter && +refreshedAt === +signed.at
    return isThat ? signed.answer : presentSignIn(tools, ctx, outcome.user, outcome.signIn)
  }
  await tools.attempts.takeStranger('no_credential', client.ipAddress)
  throw problems.invalidRefresh()
}

/** What the answer is if the token is traded at this time. Undefined for one that is not the current one. */
async function signNext(tools: Tools, ctx: Context, { refreshToken, token }: Presented) {
  const signIn = await ctx.db
    .selectFrom('signIns')
    .selectAll()
    .where('id', '=', token.signInId)
    .where('revokedAt', 'is', null)
    .executeTakeFirst()
  if (!signIn || !equalDigests(refreshHash(refreshToken), signIn.refreshHash)) return undefined
  const user = await findUser(ctx.db, 'id', signIn.userId)
  if (!user) return undefined
  const at = ctx.clock.now()
  const counter = signIn.refreshCounter + 1
  const next = { ...signIn, refreshCounter: counter, refreshedAt: at }
  return { at, counter, answer: await presentSignIn(tools, ctx, user, next) }
}

/** The sign-in, locked until the transaction ends, and its user, when both still count. */
async function lockLive(ctx: Context, id: string): Promise<Live | undefined> {
  const now = ctx.clock.now()
  const signIn = await ctx.db
    .selectFrom('signIns')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (!signIn || signIn.revokedAt || signIn.idleExpiresAt <= now) return undefined
  const user = await findUser(ctx.db, 'id', signIn.userId)
  return user?.status === 'active' ? { user, signIn } : undefined
}

interface Presented {
  refreshToken: string
  token: RefreshToken
  client: Client
}

async function trade(
  tools: Tools,
  ctx: Context,
  { user, signIn }: Live,
  presented: Presented,
  now = ctx.clock.now(),
): Promise<Live | Problem | undefined> {
  switch (judge(tools, signIn, presented, now)) {
    case 'current': {
      const tooMany = await tools.attempts.takeWithin(ctx.db, 'refresh', signIn.id)
      return (
        tooMany ?? {
          user,
          signIn: await rotate(tools, ctx, { user, signIn }, { client: presented.client, now }),
        }
      )
    }
    case 'asked again':
      return { user, signIn }
    case 'reused':
      await endFamily(tools, ctx, { user, signIn }, presented.client)
      return undefined
    case 'forged':
      return undefined
  }
}

function judge(
  tools: Tools,
  signIn: SignInRow,
  { refreshToken, token, client }: Presented,
  now: Date,
): 'current' | 'asked again' | 'reused' | 'forged' {
  const hash = refreshHash(refreshToken)
  if (equalDigests(hash, signIn.refreshHash)) return 'current'
  if (signIn.parentHash && equalDigests(hash, signIn.parentHash)) {
    const inTime = now.getTime() - signIn.refreshedAt.getTime() <= GRACE_MS
    const sameClient = equalDigests(digestOf(client), signIn.refreshedBy)
    return inTime && sameClient ? 'asked again' : 'reused'
  }
  // Whoever knows only the id of a sign-in cannot end it with a token that was never issued.
  return isGenuine(refreshKeyOf(tools, signIn), token) ? 'reused' : 'forged'
}

async function rotate(
  tools: Tools,
  ctx: Context,
  { user, signIn }: Live,
  { client, now }: { client: Client; now: Date },
): Promise<SignInRow> {
  const { createdAt, expiresAt } = signIn
  const { idleExpiresAt } = livesUntil(tools, user, { now, createdAt })
  const counter = signIn.refreshCounter + 1
  const next = makeRefreshToken(refreshKeyOf(tools, signIn), signIn.id, counter)
  return ctx.db
    .updateTable('signIns')
    .set({
      refreshCounter: counter,
      refreshHash: refreshHash(next),
      parentHash: signIn.refreshHash,
      refreshedAt: now,
      refreshedBy: digestOf(client),
      lastActivityAt: now,
      idleExpiresAt: idleExpiresAt < expiresAt ? idleExpiresAt : expiresAt,
    })
    .where('id', '=', signIn.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

async function endFamily(
  tools: Tools,
  ctx: Context,
  { user, signIn }: Live,
  client: Client,
): Promise<void> {
  const { id: signInId } = signIn
  await revokeSignIn(tools, ctx, signInId, 'reuse_detected')
  const acting = ctx.with({ actor: actorOf(user, signInId), accountId: user.accountId })
  await acting.events.emit(reuseDetected, { userId: user.id, signInId, ...client })
  ctx.log.warn({ user: user.id, signIn: signInId }, 'refresh token used twice, sign-in ended')
}
