import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Db } from '../db.ts'
import { httpProblems } from './problems.ts'

const KEY = /^[\x21-\x7e]{1,255}$/
const KEPT_MS = 24 * 60 * 60 * 1000

/** One request that carries an idempotency key. Scope: the account and the route. */
export interface Claim {
  /** Of this request alone: once another one has taken the key over, the key is no longer this one's to bind or to give back. */
  id: string
  accountId: string
  route: string
  key: string
  /** Of the method, path and body. */
  requestHash: string
  /** After this a claim whose process died may be taken over. */
  lockMs: number
}

/** What an earlier request with the same key came to. */
export interface Done {
  httpStatus: number
  resourceId: string
}

export function requestHash(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex')
}

/** @throws problem `request.invalid` when the key is not 1 to 255 printable ASCII characters. */
export function checkKey(key: string): string {
  if (KEY.test(key)) return key
  throw httpProblems.invalid({
    errors: [
      {
        path: 'headers.idempotency-key',
        message: '1 to 255 printable ASCII characters without spaces',
      },
    ],
  })
}

/**
 * Takes the key for this request, or tells what the earlier one with it came to. Of many at once one goes on.
 *
 * @throws problem `idempotency.different_request` or `idempotency.in_progress`
 */
export async function claimKey(db: Db, clock: Clock, claim: Claim): Promise<Done | undefined> {
  const now = clock.now()
  const lockedUntil = new Date(now.getTime() + claim.lockMs)
  const expiresAt = new Date(now.getTime() + KEPT_MS)
  const { id: claimId, accountId, route, key, requestHash } = claim
  const taken = await db
    .insertInto('idempotencyKeys')
    .values({
      ...{ accountId, route, key, requestHash, claimId, lockedUntil, expiresAt },
      status: 'working',
      createdAt: now,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['accountId', 'route', 'key'])
        .doUpdateSet({
          ...{ claimId, lockedUntil, requestHash, expiresAt },
          status: 'working',
          resourceId: null,
          createdAt: now,
        })
        .where((row) =>
          row.or([
            row('idempotencyKeys.expiresAt', '<', now),
            row.and([
              row('idempotencyKeys.status', '=', 'working'),
              row('idempotencyKeys.resourceId', 'is', null),
              row('idempotencyKeys.requestHash', '=', requestHash),
              row('idempotencyKeys.lockedUntil', '<', now),
            ]),
          ]),
        ),
    )
    .returning('key')
    .executeTakeFirst()
  return taken ? undefined : earlier(db, claim)
}

async function earlier(db: Db, { accountId, route, key, requestHash }: Claim): Promise<Done> {
  const row = await db
    .selectFrom('idempotencyKeys')
    .selectAll()
    .where('accountId', '=', accountId)
    .where('route', '=', route)
    .where('key', '=', key)
    .executeTakeFirst()
  if (row && row.requestHash !== requestHash) throw httpProblems.idempotencyMismatch()
  // Bound in the transaction that made the thing: a process killed before it could answer has still done the work.
  if (row?.resourceId) return { httpStatus: row.httpStatus ?? 200, resourceId: row.resourceId }
  throw httpProblems.idempotencyBusy({ retryAfterSeconds: 1 })
}

/**
 * Binds the key to what the request made; called in the transaction that makes it.
 *
 * @throws problem `idempotency.in_progress` when the key is no longer this request's
 */
export async function bindKey(db: Db, claim: Claim, resourceId: string, httpStatus: number) {
  const bound = await ofKey(db.updateTable('idempotencyKeys'), claim)
    .set({ status: 'done', resourceId, httpStatus })
    .executeTakeFirst()
  if (bound.numUpdatedRows === 0n) throw httpProblems.idempotencyBusy({ retryAfterSeconds: 1 })
}

/** Gives the key back after a request that made nothing, so that it may be tried again. */
export async function releaseKey(db: Db, claim: Claim): Promise<void> {
  await ofKey(db.deleteFrom('idempotencyKeys'), claim).execute()
}

const PURGE_BATCH = 5_000

/** Deletes some of the keys that have expired; returns how many, 0 when none is left. */
export async function purgeExpiredKeys(db: Db, now: Date): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from idempotency_keys where ctid in (
      select ctid from idempotency_keys where expires_at < ${now} limit ${PURGE_BATCH} for update skip locked
    )`.execute(db)
  return Number(numAffectedRows)
}

/** The key as long as it is this request's, and bound to nothing. */
function ofKey<Query extends { where: (column: never, op: '=', value: never) => Query }>(
  query: Query,
  { id: claimId, accountId, route, key }: Claim,
): Query {
  const conditions = { accountId, route, key, claimId, status: 'working' }
  return Object.entries(conditions).reduce(
    (q, [column, value]) => q.where(column as never, '=', value as never),
    query,
  )
}
