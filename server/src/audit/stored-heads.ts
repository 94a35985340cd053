import { text } from 'node:stream/consumers'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { AuditHead } from './schema.ts'

const FOLDER = 'audit/heads/'
const MAX_BYTES = 4_096
/** How many of the newest are read again. */
const MOST = 100
const DAY_MS = 24 * 60 * 60 * 1000

/** Keeps the head beside the database, so that who may change the one need not be able to change the other. Of no effect twice. */
export async function storeHead(store: ObjectStore, head: AuditHead): Promise<void> {
  const key = keyOf(head.day)
  if (await store.head(key)) return
  const body = Buffer.from(`${JSON.stringify(head, null, 2)}\n`)
  await store.put(key, body, { contentType: 'application/json', maxBytes: MAX_BYTES })
}

/** The heads of the last hundred days. @throws ZodError for one that cannot be read */
export async function readStoredHeads(store: ObjectStore, now: Date): Promise<AuditHead[]> {
  const first = new Date(now.getTime() - MOST * DAY_MS).toISOString().slice(0, 10)
  const { objects } = await store.list(FOLDER, { limit: MOST + 1, after: keyOf(first) })
  const heads: AuditHead[] = []
  for (const { key, bytes } of objects) {
    if (bytes > MAX_BYTES) throw new Error(`${key} in the object store is not an audit head`)
    const { stream } = await store.get(key)
    heads.push(AuditHead.parse(JSON.parse(await text(stream))))
  }
  return heads
}

function keyOf(day: string): string {
  return `${FOLDER}${day}.json`
}
