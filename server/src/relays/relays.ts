import type { Context } from '#kernel/context.ts'
import { equalDigests } from '#kernel/crypto.ts'
import { cutPage, olderThan, type PageQuery, timeText } from '#kernel/http/cursor.ts'
import { credentialDigest } from '#kernel/member-credential.ts'
import type { Peer } from './control.ts'
import { problems } from './problems.ts'
import { type RelayProvider, type RelayState, STARTERS } from './states.ts'
import type { RelayRow } from './tables.ts'

const MOST = 1_000

/** @throws problem `relay.not_found` */
export async function getRelay(ctx: Context, id: string): Promise<RelayRow> {
  const row = await ctx.db.selectFrom('relays').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return row
}

/** @throws problem `relay.not_found` */
export async function lockRelay(ctx: Context, id: string): Promise<RelayRow> {
  const row = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return row
}

/** The newest first; stopped ones too. */
export async function listRelays(
  ctx: Context,
  {
    limit,
    cursor,
    status,
    provider,
  }: PageQuery & { status?: RelayState | undefined; provider?: RelayProvider | undefined },
): Promise<{ items: RelayRow[]; nextCursor: string | null }> {
  const list = `relays ${status ?? ''} ${provider ?? ''}`
  const place = ctx.cursors.read(list, cursor)
  const found = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .select(timeText('createdAt').as('createdText'))
    .$if(status !== undefined, (rows) => rows.where('status', '=', status!))
    .$if(provider !== undefined, (rows) => rows.where('provider', '=', provider!))
    .$if(place !== undefined, (rows) => rows.where(olderThan('createdAt', 'id', place!)))
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ createdText, id }) =>
    ctx.cursors.write(list, { time: createdText, id }),
  )
  return { items: rows, nextCursor }
}

/** Those that have not ended, the oldest first. */
export function relaysThere(ctx: Context): Promise<RelayRow[]> {
  return ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('status', '<>', 'stopped')
    .orderBy('createdAt')
    .orderBy('id')
    .limit(MOST)
    .execute()
}

/** Of those that we have started: they have gone by themselves, and may come again. */
export function relaysLeft(ctx: Context): Promise<RelayRow[]> {
  return ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('status', '=', 'stopped')
    .where('provider', 'in', STARTERS)
    .where('credentialHash', 'is not', null)
    .where((where) =>
      where.or([where('drainReason', 'is', null), where('drainReason', '=', 'asked')]),
    )
    .orderBy('statusSince')
    .limit(MOST)
    .execute()
}

/** Relays that others reach, those that drain among them: what they carry goes on. */
export async function peersOf(ctx: Context, ids?: readonly string[]): Promise<Peer[]> {
  if (ids?.length === 0) return []
  const rows = await ctx.db
    .selectFrom('relays')
    .select(['id', 'internalUrl', 'fingerprint'])
    .where('status', 'in', ['running', 'draining'])
    .where('internalUrl', 'is not', null)
    .where('fingerprint', 'is not', null)
    .$if(ids !== undefined, (query) => query.where('id', 'in', ids!))
    .orderBy('id')
    .limit(MOST)
    .execute()
  return rows.map(({ id, internalUrl, fingerprint }) => ({
    ...{ relayId: id, internalUrl: internalUrl!, fingerprint: fingerprint! },
  }))
}

/** Relays that take new links, each by a name that is another one once it has begun anew. */
export async function dialable(ctx: Context): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('relays')
    .select(['id', 'statusSince'])
    .where('status', '=', 'running')
    .where('drainReason', 'is', null)
    .where('url', 'is not', null)
    .orderBy('id')
    .limit(MOST)
    .execute()
  return rows.map(({ id, statusSince }) => `${id} ${statusSince.getTime()}`)
}

/**
 * Whether it was ended for good, by an operator or because it is not needed: what it has joined with counts no more. One that has gone by
 * itself may come again, and that of a control plane's own process is started with it.
 */
export function isEnded({ provider, status, drainReason, credentialHash }: RelayRow): boolean {
  if (status !== 'stopped' || provider === 'builtin') return false
  return drainReason === 'stopping' || drainReason === 'surplus' || credentialHash === null
}

/** The relay whose credential an `Authorization` header carries, also one that was ended. @throws problem `relay.unauthenticated` */
export async function authenticateRelay(
  ctx: Context,
  authorization: string | undefined,
): Promise<RelayRow> {
  const digest = credentialDigest('relay', authorization)
  if (!digest) throw problems.unauthenticated()
  const row = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('credentialHash', '=', digest)
    .executeTakeFirst()
  if (!row?.credentialHash || !equalDigests(row.credentialHash, digest)) {
    throw problems.unauthenticated()
  }
  return row
}

/** What events name of a relay. */
export function namesOf({ id, provider }: Pick<RelayRow, 'id' | 'provider'>) {
  return { id, provider }
}
