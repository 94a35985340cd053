import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { activated, dropped, published, retired } from './events.ts'
import { type KeySource, makeKey, type NewKey } from './make-key.ts'
import { signingProblems } from './problems.ts'
import type { SigningKeys } from './signing-keys.ts'
import { signingKeyStates } from './states.ts'
import { readKeys, type SigningKeyRow } from './store.ts'

const HOUR_MS = 60 * 60 * 1000
/** So long a key is published before it signs, for whoever keeps the key set. */
const PUBLISHED_MS = 24 * HOUR_MS
const ACTIVE_MS = 30 * 24 * HOUR_MS
/** Longer than a token lives, the key set is kept and clocks differ. */
const RETIRING_MS = HOUR_MS / 3

/**
 * What the clock asks for: keys that signed go once their tokens are over, the next one signs when it is due, and before the present
 * one is 30 days old, or when new keys come from elsewhere, the next one is published.
 *
 * @throws KmsFailure
 */
export async function keepSigningKeys(ctx: Context, keys: SigningKeys): Promise<void> {
  await endRetiring(ctx)
  await activateDue(ctx)
  const rows = await readKeys(ctx.db)
  if (!rows.some(({ state }) => state === 'next')) await publishDue(ctx, keys.source, rows)
  await keys.refresh()
}

/**
 * Publishes the next key now; it signs in 24 hours. One that is published already is answered as it is.
 *
 * @throws problem `signing.same_kms_key`, or KmsFailure
 */
export async function rotateSigningKeys(ctx: Context, keys: SigningKeys): Promise<SigningKeyRow[]> {
  const rows = await readKeys(ctx.db)
  if (!rows.some(({ state }) => state === 'next')) {
    const key = await makeKey(keys.source)
    if (await isKnown(ctx, key)) throw signingProblems.sameKmsKey()
    await publish(ctx, key, ctx.clock.now().getTime() + PUBLISHED_MS)
  }
  await keys.refresh()
  return readKeys(ctx.db)
}

/**
 * Drops every key at once for a new one: all access tokens so far are worthless, and so they stay, since every user's version is raised.
 * Sign-ins go on with their refresh tokens.
 *
 * @throws problem `signing.same_kms_key`, or KmsFailure
 */
export async function replaceSigningKeys(
  ctx: Context,
  keys: SigningKeys,
): Promise<SigningKeyRow[]> {
  const key = await makeKey(keys.source)
  await ctx.transaction(async (ctx) => {
    await holdSigningKeys(ctx)
    const now = ctx.clock.now()
    const gone = await ctx.db
      .updateTable('signingKeys')
      .set({ state: 'gone', goneAt: now, sealedPrivate: null })
      .where('state', 'in', signingKeyStates.from('gone'))
      .returning('kid')
      .execute()
    if (await isKnown(ctx, key)) throw signingProblems.sameKmsKey()
    await ctx.db
      .insertInto('signingKeys')
      .values({ ...key, state: 'active', createdAt: now, activatedAt: now })
      .execute()
    await ctx.db
      .updateTable('users')
      .set({ ver: sql<number>`ver + 1` })
      .execute()
    await ctx.events.emit(dropped, { kids: gone.map(({ kid }) => kid), activeKid: key.kid })
  })
  ctx.log.warn({ kid: key.kid }, 'all signing keys were replaced')
  await keys.refresh()
  return readKeys(ctx.db)
}

async function endRetiring(ctx: Context): Promise<void> {
  const now = ctx.clock.now()
  await ctx.db
    .updateTable('signingKeys')
    .set({ state: 'gone', goneAt: now })
    .where('state', '=', 'retiring')
    .where('retiringAt', '<=', new Date(now.getTime() - RETIRING_MS))
    .execute()
}

async function activateDue(ctx: Context): Promise<void> {
  await ctx.transaction(async (ctx) => {
    await holdSigningKeys(ctx)
    const now = ctx.clock.now()
    const due = await ctx.db
      .selectFrom('signingKeys')
      .select('kid')
      .where('state', '=', 'next')
      .where('activatesAt', '<=', now)
      .executeTakeFirst()
    if (!due) return
    const former = await ctx.db
      .updateTable('signingKeys')
      .set({ state: 'retiring', retiringAt: now, sealedPrivate: null })
      .where('state', 'in', signingKeyStates.from('retiring'))
      .returning('kid')
      .execute()
    await ctx.db
      .updateTable('signingKeys')
      .set({ state: 'active', activatedAt: now })
      .where('kid', '=', due.kid)
      .execute()
    for (const { kid } of former) await ctx.events.emit(retired, { kid })
    await ctx.events.emit(activated, { kid: due.kid })
  })
}

async function publishDue(ctx: Context, source: KeySource, rows: readonly SigningKeyRow[]) {
  const nowMs = ctx.clock.now().getTime()
  const active = rows.find(({ state }) => state === 'active')
  const endMs = (active?.activatedAt?.getTime() ?? 0) + ACTIVE_MS
  const isFromKms = source.kmsSigningKeyId !== undefined
  const comesFromElsewhere = isFromKms || active?.kmsKeyId !== null
  if (!comesFromElsewhere && nowMs < endMs - PUBLISHED_MS) return
  const key = await makeKey(source)
  // A key of KMS signs for as long as the name of it leads there.
  if (await isKnown(ctx, key)) return
  const soonestMs = nowMs + PUBLISHED_MS
  await publish(ctx, key, comesFromElsewhere ? soonestMs : Math.max(endMs, soonestMs))
}

/** Of two at once, one publishes its key. */
async function publish(ctx: Context, key: NewKey, activatesAtMs: number): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const activatesAt = new Date(activatesAtMs)
    const inserted = await ctx.db
      .insertInto('signingKeys')
      .values({ ...key, state: 'next', createdAt: ctx.clock.now(), activatesAt })
      .onConflict((conflict) => conflict.doNothing())
      .returning('kid')
      .executeTakeFirst()
    if (!inserted) return
    await ctx.events.emit(published, { kid: key.kid, activatesAt: activatesAt.toISOString() })
  })
}

async function isKnown({ db }: Context, { kid }: NewKey): Promise<boolean> {
  const found = await db
    .selectFrom('signingKeys')
    .select('kid')
    .where('kid', '=', kid)
    .executeTakeFirst()
  return found !== undefined
}

/** One at a time may move keys from state to state. */
async function holdSigningKeys({ db }: Context): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('identity.signing_keys'))`.execute(db)
}
