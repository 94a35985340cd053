import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from '../problems.ts'
import type { SignInRow } from '../tables.ts'
import { signedInActor, type UserRow } from '../users.ts'
import type { RememberedDevice } from './schema.ts'
import type { RememberedDeviceRow } from './tables.ts'

const TOKEN_BYTES = 32
export const REMEMBERED_SECONDS = 30 * 24 * 60 * 60
const MAX_DEVICES = 20

/**
 * Remembers the device that the person signs in from, in the caller's transaction. Its token stands in for the second factor for 30
 * days, until password, roles or factors change. Beyond 20, the one used longest ago is forgotten.
 */
export async function rememberDevice(
  ctx: Context,
  { id: userId, ver: userVer }: UserRow,
  { id: signInId, ipAddress, userAgent }: SignInRow,
): Promise<{ rememberToken: string; rememberedUntil: Date }> {
  const rememberToken = randomBytes(TOKEN_BYTES).toString('base64url')
  const now = ctx.clock.now()
  const rememberedUntil = new Date(now.getTime() + REMEMBERED_SECONDS * 1000)
  await makeRoom(ctx, userId)
  await ctx.db
    .insertInto('rememberedDevices')
    .values({
      ...{ id: ctx.newId('rdv'), userId, userVer, signInId, tokenHash: sha256(rememberToken) },
      ...{ ipAddress, userAgent, createdAt: now, expiresAt: rememberedUntil, lastUsedAt: now },
    })
    .execute()
  return { rememberToken, rememberedUntil }
}

async function makeRoom(ctx: Context, userId: string): Promise<void> {
  const crowded = ctx.db
    .selectFrom('rememberedDevices')
    .select('id')
    .where('userId', '=', userId)
    .orderBy('lastUsedAt', 'desc')
    .offset(MAX_DEVICES - 1)
  await ctx.db.deleteFrom('rememberedDevices').where('id', 'in', crowded).execute()
}

/** The device of this token, if it is remembered for the person as they are now. */
export async function findRemembered(
  ctx: Context,
  { id, ver }: UserRow,
  rememberToken: string | undefined,
): Promise<string | undefined> {
  if (rememberToken === undefined) return undefined
  const device = await ctx.db
    .selectFrom('rememberedDevices')
    .select('id')
    .where('tokenHash', '=', sha256(rememberToken))
    .where('userId', '=', id)
    .where('userVer', '=', ver)
    .where('expiresAt', '>', ctx.clock.now())
    .executeTakeFirst()
  return device?.id
}

/** The device signed in once more. */
export async function noteUse(ctx: Context, id: string, signInId: string): Promise<void> {
  await ctx.db
    .updateTable('rememberedDevices')
    .set({ lastUsedAt: ctx.clock.now(), signInId })
    .where('id', '=', id)
    .execute()
}

/** The caller's devices that need no second factor now, the one used last first; 20 at most. */
export async function listRemembered(ctx: Context): Promise<RememberedDevice[]> {
  const { userId } = signedInActor(ctx)
  const rows = await ctx.db
    .selectFrom('rememberedDevices')
    .innerJoin('users', (join) =>
      join
        .onRef('users.id', '=', 'rememberedDevices.userId')
        .onRef('users.ver', '=', 'rememberedDevices.userVer'),
    )
    .selectAll('rememberedDevices')
    .where('rememberedDevices.userId', '=', userId)
    .where('rememberedDevices.expiresAt', '>', ctx.clock.now())
    .orderBy('rememberedDevices.lastUsedAt', 'desc')
    .execute()
  return rows.map(present)
}

function present({ id, ipAddress, userAgent, ...times }: RememberedDeviceRow): RememberedDevice {
  return {
    id,
    createdAt: times.createdAt.toISOString(),
    expiresAt: times.expiresAt.toISOString(),
    lastUsedAt: times.lastUsedAt.toISOString(),
    ...(ipAddress && { ipAddress }),
    ...(userAgent && { userAgent }),
  }
}

/** One of the caller's. @throws problem `device.not_found` */
export async function forgetDevice(ctx: Context, id: string): Promise<void> {
  const { numDeletedRows } = await ctx.db
    .deleteFrom('rememberedDevices')
    .where('id', '=', id)
    .where('userId', '=', signedInActor(ctx).userId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw problems.deviceNotFound({ id })
}

/** For a changed password or second factor, in the transaction of the change. */
export async function forgetDevices(ctx: Context, userId: string): Promise<void> {
  await ctx.db.deleteFrom('rememberedDevices').where('userId', '=', userId).execute()
}

/** Of sign-ins that were ended from elsewhere: the device is in other hands, perhaps. */
export async function forgetDevicesOf(ctx: Context, signInIds: readonly string[]): Promise<void> {
  if (signInIds.length === 0) return
  await ctx.db.deleteFrom('rememberedDevices').where('signInId', 'in', signInIds).execute()
}
