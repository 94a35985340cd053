import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { toProblem } from '#kernel/http/failures.ts'
import { isKeyBound, unbindKey } from '#kernel/http/bound-keys.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { getSession } from './service.ts'
import type { SessionRow } from './tables.ts'

/** A session whose waiting call has not been heard of for so long is waited for by nobody. Told by the database's clock alone. */
export const AWAITED_SECONDS = 15

/** A call that says so again after each second or so writes it down only after some of them. */
const RENEWED_SECONDS = 4
const AGAIN_MS = 250
const BLIP_MS = 20_000

/** What the row of a session says while somebody waits for it. */
const awaited = sql<Date>`now() + make_interval(secs => ${AWAITED_SECONDS})`

const renewable = sql<Date>`now() + make_interval(secs => ${AWAITED_SECONDS - RENEWED_SECONDS})`

/**
 * Binds the request's idempotency key, if it has one, to a session that waits, in the transaction that makes it wait. A session that a
 * repeat finds needs nobody who waits for it; every other one ends soon after the call has fallen silent.
 */
export async function bindWaiting(ctx: Context, id: string, waits: boolean): Promise<void> {
  await ctx.remember(id)
  if (!waits || (await isKeyBound(ctx.db, { accountId: ctx.accountId, resourceId: id }))) return
  await openRow(ctx, id).set({ awaitedUntil: awaited }).execute()
}

/** Says that the call still waits. Returns the row. @throws problem `session.not_found` */
export async function stayWaiting(ctx: Context, id: string): Promise<SessionRow> {
  const row = await openRow(ctx, id)
    .set({ awaitedUntil: awaited })
    .where('awaitedUntil', '<', renewable)
    .returningAll()
    .executeTakeFirst()
  return row ?? getSession(ctx, id)
}

/** The call is about to answer, and leaves the session to who reads the answer. Undefined when it has ended meanwhile. */
export function endWaiting(ctx: Context, id: string): Promise<SessionRow | undefined> {
  return openRow(ctx, id).set({ awaitedUntil: null }).returningAll().executeTakeFirst()
}

/** Of a session that has come to nothing: a repeat of its request makes another one. */
export function forgetKey(ctx: Context, id: string): Promise<void> {
  return unbindKey(ctx.db, { accountId: ctx.accountId, resourceId: id })
}

/** Does again what a database that was away for a moment has failed, until `giveUpMs` of the monotonic clock. */
export async function throughBlips<Result>(
  { clock }: Context,
  giveUpMs: number,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseAway(error) || clock.monotonicMs() > giveUpMs || signal.aborted) throw error
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {
        throw error
      })
    }
  }
}

/** As `throughBlips`, for as long as one step is tried again that somebody waits for. */
export function throughBlip<Result>(
  ctx: Context,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  return throughBlips(ctx, ctx.clock.monotonicMs() + BLIP_MS, signal, work)
}

function isDatabaseAway(error: unknown): boolean {
  return toProblem(error).kind.code === httpProblems.unavailable.kind.code
}

function openRow({ db, accountId }: Context, id: string) {
  return db
    .updateTable('browserSessions')
    .where('id', '=', id)
    .where('accountId', '=', accountId)
    .where('endedAt', 'is', null)
}
