import { verify } from 'node:crypto'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { cutPage, type PageQuery } from '#kernel/http/cursor.ts'
import { readTip } from './chain.ts'
import { keyIdOf, openHeadKey, publicKeyOf, type Vault } from './head-keys.ts'
import type { AuditHead } from './schema.ts'

/** One process at a time signs heads. */
const LOCK_KEY = 7_236_104_513
const DAY_MS = 24 * 60 * 60 * 1000
const LIST = 'audit heads'

/**
 * Signs how far the chain goes, once for each day that is over: by whom it is called first. Nothing when that is done, or the chain is
 * empty.
 */
export async function signHead(ctx: Context, vault: Vault): Promise<AuditHead | undefined> {
  const now = ctx.clock.now()
  const day = new Date(now.getTime() - DAY_MS).toISOString().slice(0, 10)
  return ctx.transaction(async (ctx) => {
    const { db } = ctx
    await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(db)
    const [last] = await readHeads(db, { limit: 1 })
    const tip = await readTip(db)
    if (tip.sequence === 0 || (last && last.day >= day)) return undefined
    const key = await openHeadKey(ctx, vault)
    const head = {
      ...{ day, lastSequence: tip.sequence, hash: tip.hash, keyId: key.keyId },
      previousSignature: last?.signature ?? null,
      signedAt: now.toISOString(),
    }
    const signature = key.sign(signedText(head)).toString('base64url')
    await insertHead(db, { ...head, signature })
    const [signed] = await readHeads(db, { limit: 1 })
    ctx.afterCommit(() =>
      ctx.log.info({ head: { ...head, signed: signature } }, 'audit head signed'),
    )
    return signed
  })
}

/** The newest first. */
export async function readHeads(
  db: Db,
  { limit, before }: { limit: number; before?: string | undefined },
): Promise<AuditHead[]> {
  const { rows } = await sql<AuditHead>`
    select to_char(day, 'YYYY-MM-DD') as "day", last_sequence::float8 as "lastSequence",
      encode(hash, 'hex') as "hash", ${base64url('previous_signature')} as "previousSignature",
      ${base64url('signature')} as "signature", key_id as "keyId", ${base64url('public_key')} as "publicKey",
      to_char(signed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "signedAt"
    from audit_heads join audit_keys using (key_id)
    where ${before === undefined ? sql`true` : sql`day < ${before}::date`}
    order by audit_heads.day desc limit ${limit}`.execute(db)
  return rows
}

export async function listHeads(ctx: Context, { limit, cursor }: PageQuery) {
  const before = ctx.cursors.read(LIST, cursor)?.id
  const heads = await readHeads(ctx.db, { limit: limit + 1, before })
  const { rows: items, nextCursor } = cutPage(heads, limit, ({ day }) =>
    ctx.cursors.write(LIST, { time: `${day}T00:00:00.000000Z`, id: day }),
  )
  return { items, nextCursor }
}

/** Whether the key that it names has signed it. */
export function isSigned(head: AuditHead, publicKey: Buffer): boolean {
  if (keyIdOf(publicKey) !== head.keyId) return false
  const text = Buffer.from(signedText(head))
  return verify(null, text, publicKeyOf(publicKey), Buffer.from(head.signature, 'base64url'))
}

/** What is signed: no two heads give the same text. */
function signedText(head: Omit<AuditHead, 'signature' | 'publicKey'>): string {
  const { day, lastSequence, hash, previousSignature, keyId, signedAt } = head
  const lines = ['gantry audit head 1', day, lastSequence, hash, previousSignature, keyId, signedAt]
  return lines.map((line) => line ?? '-').join('\n')
}

async function insertHead(db: Db, head: Omit<AuditHead, 'publicKey'>): Promise<void> {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64url'))
  await db
    .insertInto('auditHeads')
    .values({
      ...{ day: head.day, keyId: head.keyId, lastSequence: String(head.lastSequence) },
      hash: Buffer.from(head.hash, 'hex'),
      previousSignature: bytes(head.previousSignature),
      signature: bytes(head.signature)!,
      signedAt: new Date(head.signedAt),
    })
    .execute()
}

/** As the unpadded base64url that JSON carries elsewhere too. */
function base64url(column: string) {
  return sql<string>`translate(encode(${sql.ref(column)}, 'base64'), E'+/=\n', '-_')`
}
