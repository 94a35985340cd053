import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import type { Client } from './client.ts'
import type { SignInResult } from './sign-in-results.ts'
import type { SignInRecordRow } from './tables.ts'
import { signedInActor } from './users.ts'

const LIST = 'sign-ins'

/** Keeps for the person that somebody tried to be them, in the caller's transaction. */
export async function recordSignIn(
  ctx: Context,
  userId: string,
  result: SignInResult,
  { ipAddress, userAgent, signInId }: Client & { signInId?: string },
): Promise<void> {
  await ctx.db
    .insertInto('signInRecords')
    .values({
      ...{ id: ctx.newId('sir'), userId, at: ctx.clock.now(), result },
      signInId: signInId ?? null,
      ipAddress: ipAddress ?? null,
      userAgent: userAgent ?? null,
    })
    .execute()
}

/** Every attempt to sign in as the caller in the last 90 days, the newest first. */
export async function listSignIns(ctx: Context, { limit, cursor }: PageQuery) {
  const { userId } = signedInActor(ctx)
  const place = ctx.cursors.read(LIST, cursor)
  const rows = await ctx.db
    .selectFrom('signInRecords')
    .selectAll()
    .select(timeText('at').as('atText'))
    .where('userId', '=', userId)
    .$if(place !== undefined, (query) => query.where(olderThan('at', 'id', place!)))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  return cutPage(rows, limit, ({ atText, id }) => ctx.cursors.write(LIST, { time: atText, id }))
}

export function presentRecord({ id, at, result, ipAddress, userAgent }: SignInRecordRow) {
  return {
    ...{ id, at: at.toISOString(), result },
    ...(ipAddress && { ipAddress }),
    ...(userAgent && { userAgent }),
  }
}
