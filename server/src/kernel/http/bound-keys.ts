import type { Db } from '../db.ts'

/** What a request with an idempotency key has made, as whoever goes on with it later sees it. */
interface Made {
  accountId: string
  resourceId: string
}

/** Whether a repeat of the request that made this would find it. */
export async function isKeyBound(db: Db, made: Made): Promise<boolean> {
  const bound = await db
    .selectFrom('idempotencyKeys')
    .select('key')
    .where('accountId', '=', made.accountId)
    .where('resourceId', '=', made.resourceId)
    .executeTakeFirst()
  return bound !== undefined
}

/** Gives the key back, of something that has come to nothing: a repeat of its request makes it anew. */
export async function unbindKey(db: Db, made: Made): Promise<void> {
  await db
    .deleteFrom('idempotencyKeys')
    .where('accountId', '=', made.accountId)
    .where('resourceId', '=', made.resourceId)
    .execute()
}
