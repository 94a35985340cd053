import type { Context } from '#kernel/context.ts'
import { signedOut } from './events.ts'
import { forgetDevicesOf } from './factors/remembered.ts'
import { problems } from './problems.ts'
import type { Device } from './schema.ts'
import { revokeAll, revokeSignIn } from './sign-ins.ts'
import type { SignInRow } from './tables.ts'
import type { Tools } from './tools.ts'
import { signedInActor } from './users.ts'

/** The devices that the caller is signed in on, the one used last first; 20 at most. */
export async function listDevices(ctx: Context): Promise<Device[]> {
  const { userId, signInId } = signedInActor(ctx)
  const rows = await ctx.db
    .selectFrom('signIns')
    .selectAll()
    .where('userId', '=', userId)
    .where('revokedAt', 'is', null)
    .where('idleExpiresAt', '>', ctx.clock.now())
    .orderBy('lastActivityAt', 'desc')
    .orderBy('id', 'desc')
    .execute()
  return rows.map((row) => presentDevice(row, signInId))
}

function presentDevice(signIn: SignInRow, current: string): Device {
  const { id, userId, createdAt, idleExpiresAt, lastActivityAt, ipAddress, userAgent } = signIn
  return {
    ...{ id, userId, createdAt: createdAt.toISOString(), expiresAt: idleExpiresAt.toISOString() },
    lastActivityAt: lastActivityAt.toISOString(),
    ...(ipAddress && { ipAddress }),
    ...(userAgent && { userAgent }),
    current: id === current,
  }
}

/**
 * Signs out one device of the caller, here at once and elsewhere within 5 s; announces `user.signed_out`.
 *
 * @throws problem `device.not_found`, also for a device of another person
 */
export async function signOutDevice(tools: Tools, ctx: Context, id: string): Promise<void> {
  const { userId, signInId: from } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    const reason = id === from ? 'signed_out' : 'signed_out_elsewhere'
    const ended = await revokeSignIn(tools, ctx, id, reason, userId)
    if (!ended) throw problems.deviceNotFound({ id })
    await forgetDevicesOf(ctx, [id])
    await ctx.events.emit(signedOut, { userId, signInId: id, from })
  })
}

/** Signs out every device of the caller but, if they want to stay, this one; announces `user.signed_out` for each. */
export async function signOutAll(
  tools: Tools,
  ctx: Context,
  { staying }: { staying: boolean },
): Promise<void> {
  const { userId, signInId: from } = signedInActor(ctx)
  await ctx.transaction(async (ctx) => {
    const except = staying ? from : undefined
    const ended = await revokeAll(tools, ctx, { userId, reason: 'signed_out_elsewhere', except })
    await forgetDevicesOf(ctx, ended)
    for (const signInId of ended) await ctx.events.emit(signedOut, { userId, signInId, from })
  })
}
