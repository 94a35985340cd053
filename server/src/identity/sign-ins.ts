import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts'
import type { Client } from './client.ts'
import { signedIn, signedOut } from './events.ts'
import { deviceOf, tellOfNewDevice } from './new-devices.ts'
import { makeRefreshToken, REFRESH_KEY_BYTES, refreshHash } from './refresh-tokens.ts'
import type { SignedIn } from './schema.ts'
import { recordSignIn } from './sign-in-records.ts'
import type { RevokedReason, SignInRow } from './tables.ts'
import type { Tools } from './tools.ts'
import { actorOf, presentUser, signedInActor, type UserRow } from './users.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** No refresh moves this end. */
const ABSOLUTE_MS = 30 * DAY_MS
/** Whoever runs the installation proves each day who they are. */
const STAFF_ABSOLUTE_MS = DAY_MS
const STAFF_IDLE_MS = DAY_MS / 3
const MAX_LIVE = 20

/** Where the keys that make refresh tokens are kept. */
export const refreshKeys: SealedColumn = {
  ...{ table: 'sign_ins', id: 'id', column: 'refresh_key', purpose: 'refresh-tokens' },
  place: (id) => ['sign_ins', id, 'refresh_key'],
}

/** A sign-in whose access token is signed before there is one. */
export interface SignedAhead {
  id: string
  at: Date
  accessToken: string
}

/**
 * Signs the token of a sign-in that is yet to be opened, so that nothing that counts once is used up when signing fails.
 *
 * @throws KmsFailure
 */
export async function signAhead(
  tools: Tools,
  ctx: Context,
  { userId, ver, amr }: { userId: string; ver: number; amr: string[] },
): Promise<SignedAhead> {
  const [id, at] = [ctx.newId('sgn'), ctx.clock.now()]
  const facts = { id, refreshCounter: 1, refreshedAt: at, createdAt: at, amr, impersonatedBy: null }
  return { id, at, accessToken: await accessTokenOf(tools, { id: userId, ver }, facts) }
}

export interface Opening {
  amr: string[]
  client: Client
  /** Where its token is signed already. */
  ahead?: SignedAhead | undefined
  /** Whether it was proven just now, as it is unless given. */
  isFresh?: boolean | undefined
}

/**
 * Signs a device in, in the transaction that let its user in; announces `user.signed_in`. Beyond 20 devices, the ones idle longest are
 * signed out. The caller holds the user's row, so two at once count each other. What was proven some time ago, to somebody else, is no
 * step-up.
 */
export async function openSignIn(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  { amr, client, ahead, isFresh = true }: Opening,
): Promise<SignInRow> {
  const { id, at: now } = ahead ?? { id: ctx.newId('sgn'), at: ctx.clock.now() }
  const key = randomBytes(REFRESH_KEY_BYTES)
  const device = deviceOf(tools, user.id, client)
  await makeRoom(tools, ctx, user.id)
  await tellOfNewDevice(ctx, user, device, client)
  const signIn = await ctx.db
    .insertInto('signIns')
    .values({
      id,
      userId: user.id,
      createdAt: now,
      ...livesUntil(tools, user, { now, createdAt: now }),
      lastActivityAt: now,
      ipAddress: client.ipAddress ?? null,
      userAgent: client.userAgent ?? null,
      amr,
      refreshKey: tools.keyring.seal(refreshKeys.purpose, refreshKeys.place(id), key),
      refreshCounter: 1,
      refreshHash: refreshHash(makeRefreshToken(key, id, 1)),
      refreshedAt: now,
      refreshedBy: digestOf(client),
      ...{ steppedUpAt: isFresh ? now : null, device },
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordSignIn(ctx, user.id, 'signed_in', { ...client, signInId: id })
  const acting = ctx.with({ actor: actorOf(user, id), accountId: user.accountId })
  await acting.events.emit(signedIn, { userId: user.id, signInId: id, amr, ...client })
  return signIn
}

async function makeRoom(tools: Tools, ctx: Context, userId: string): Promise<void> {
  const crowded = ctx.db
    .selectFrom('signIns')
    .select('id')
    .where('userId', '=', userId)
    .where('impersonatedFrom', 'is', null)
    .where('revokedAt', 'is', null)
    .orderBy('lastActivityAt', 'desc')
    .offset(MAX_LIVE - 1)
  const replaced = await ctx.db
    .updateTable('signIns')
    .set({ revokedAt: ctx.clock.now(), revokedReason: 'replaced' })
    .where('id', 'in', crowded)
    .returning('id')
    .execute()
  for (const { id } of replaced) ctx.afterCommit(() => tools.revoked(id))
}

/** Ends the sign-in of the caller; announces `user.signed_out`. A second call finds nothing to do. */
export async function signOut(tools: Tools, ctx: Context): Promise<void> {
  const { userId, signInId } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    if (!(await revokeSignIn(tools, ctx, signInId, 'signed_out'))) return
    await ctx.events.emit(signedOut, { userId, signInId })
  })
}

/** Whether it was this call that ended it; with `userId`, only when it is theirs. */
export async function revokeSignIn(
  tools: Tools,
  ctx: Context,
  id: string,
  reason: RevokedReason,
  userId?: string,
): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('signIns')
    .set({ revokedAt: ctx.clock.now(), revokedReason: reason })
    .where('id', '=', id)
    .where('revokedAt', 'is', null)
    .$if(userId !== undefined, (query) => query.where('userId', '=', userId!))
    .executeTakeFirst()
  ctx.afterCommit(() => tools.revoked(id))
  return numUpdatedRows > 0n
}

/** Ends all sign-ins of a user, except one if it may stay; tells which it ended. @param letInBy only those that began so (`amr`) */
export async function revokeAll(
  tools: Tools,
  ctx: Context,
  {
    userId,
    reason,
    except,
    letInBy,
  }: { userId: string; reason: RevokedReason; except?: string | undefined; letInBy?: string },
): Promise<string[]> {
  const ended = await ctx.db
    .updateTable('signIns')
    .set({ revokedAt: ctx.clock.now(), revokedReason: reason })
    .where('userId', '=', userId)
    .where('revokedAt', 'is', null)
    .$if(except !== undefined, (query) => query.where('id', '!=', except!))
    .$if(letInBy !== undefined, (query) => query.where(sql<boolean>`${letInBy} = any(amr)`))
    .returning('id')
    .execute()
  for (const { id } of ended) ctx.afterCommit(() => tools.revoked(id))
  return ended.map(({ id }) => id)
}

/** The pair of tokens that this state of the sign-in stands for: the same at every call. @throws KmsFailure */
export async function presentSignIn(
  tools: Tools,
  ctx: Context,
  user: UserRow,
  signIn: SignInRow,
  ahead?: SignedAhead,
): Promise<SignedIn> {
  const { id, refreshCounter: counter } = signIn
  return {
    user: presentUser(user),
    accessToken: ahead?.accessToken ?? (await accessTokenOf(tools, user, signIn)),
    refreshToken: makeRefreshToken(refreshKeyOf(tools, signIn), id, counter),
    expiresInSeconds:
      toSeconds(signIn.refreshedAt) + ACCESS_TOKEN_SECONDS - toSeconds(ctx.clock.now()),
  }
}

function accessTokenOf(
  { tokens }: Tools,
  { id: sub, ver }: Pick<UserRow, 'id' | 'ver'>,
  signIn: Pick<
    SignInRow,
    'id' | 'refreshCounter' | 'refreshedAt' | 'createdAt' | 'amr' | 'impersonatedBy'
  >,
): Promise<string> {
  const { id, refreshCounter, amr, impersonatedBy } = signIn
  return tokens.issue({
    ...{ sub, sid: id, jti: sha256(`${id} ${refreshCounter}`).toString('base64url') },
    ...{ iat: toSeconds(signIn.refreshedAt), ver, auth_time: toSeconds(signIn.createdAt), amr },
    ...(impersonatedBy && { act: { sub: impersonatedBy } }),
  })
}

export function refreshKeyOf({ keyring }: Tools, { id, refreshKey }: SignInRow): Buffer {
  return keyring.open(refreshKeys.purpose, refreshKeys.place(id), refreshKey)
}

/** Until when a sign-in counts at most, and unless it is refreshed. A role over the installation shortens both. */
export function livesUntil(
  { signInIdleDays }: Tools,
  { platformRoles }: Pick<UserRow, 'platformRoles'>,
  { now, createdAt }: { now: Date; createdAt: Date },
): { expiresAt: Date; idleExpiresAt: Date } {
  const isStaff = platformRoles.length > 0
  const endMs = createdAt.getTime() + (isStaff ? STAFF_ABSOLUTE_MS : ABSOLUTE_MS)
  const idleMs = isStaff
    ? Math.min(STAFF_IDLE_MS, signInIdleDays * DAY_MS)
    : signInIdleDays * DAY_MS
  const idleEndMs = Math.min(now.getTime() + idleMs, endMs)
  return { expiresAt: new Date(endMs), idleExpiresAt: new Date(idleEndMs) }
}

/** Tells one client from another without keeping what it sent. */
export function digestOf({ ipAddress = '', userAgent = '' }: Client): Buffer {
  return sha256(`${ipAddress}\n${userAgent}`)
}

function toSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
