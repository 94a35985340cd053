import { randomBytes } from 'node:crypto'
import type { Person, TestApp } from './app.ts'

/** Remembers a device of the person, as after a sign-in with a second factor. */
export async function rememberDeviceOf(app: TestApp, { userId }: Person): Promise<void> {
  const ctx = app.app.systemContext()
  const createdAt = ctx.clock.now()
  const signIn = await ctx.db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.userId')
    .select(['signIns.id', 'users.ver'])
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow()
  await ctx.db
    .insertInto('rememberedDevices')
    .values({
      ...{ id: ctx.newId('rdv'), userId, userVer: signIn.ver, signInId: signIn.id },
      ...{ tokenHash: randomBytes(32), ipAddress: null, userAgent: null },
      ...{ createdAt, lastUsedAt: createdAt },
      expiresAt: new Date(createdAt.getTime() + 60 * 60 * 1000),
    })
    .execute()
}

/** How many devices of the person are remembered. */
export async function devicesOf(app: TestApp, { userId }: Person): Promise<number> {
  const devices = await app.app
    .systemContext()
    .db.selectFrom('rememberedDevices')
    .select('id')
    .where('userId', '=', userId)
    .execute()
  return devices.length
}
