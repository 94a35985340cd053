import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { ObjectNotFound } from '#kernel/storage/errors.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { MANIFEST } from './evidence/manifest.ts'
import { RecordingReader } from './evidence/reader.ts'
import type { RecordingSink, RecordingSource } from './evidence/sink.ts'
import { problems } from './problems.ts'
import { getSession } from './service.ts'
import { recordingDays } from './settings.ts'

const MAX_PART_BYTES = 32 * 1024 * 1024
const READ_MS = 30_000
const URL_SECONDS = 3_600
const TIDIED_AT_ONCE = 100
const LISTED = 1_000

/** Where a part of a session's recording is kept. */
export function recordingKey(accountId: string, sessionId: string, name: string): string {
  return `recordings/${accountId}/${sessionId}/${name}`
}

export function storeSink(store: ObjectStore, accountId: string, sessionId: string): RecordingSink {
  return {
    async write(name, bytes) {
      const contentType = name.endsWith('.json') ? 'application/json' : 'application/octet-stream'
      const key = recordingKey(accountId, sessionId, name)
      await store.put(key, bytes, { contentType, maxBytes: MAX_PART_BYTES })
    },
  }
}

function storeSource(store: ObjectStore, accountId: string, sessionId: string): RecordingSource {
  return {
    async read(name) {
      const key = recordingKey(accountId, sessionId, name)
      const { stream } = await store.get(key, { signal: AbortSignal.timeout(READ_MS) })
      return buffer(stream)
    },
  }
}

/** @throws problem `session.not_found`, or `recording.not_recorded` where nothing was, or is no longer, kept */
export async function openRecording(
  ctx: Context,
  store: ObjectStore,
  id: string,
): Promise<RecordingReader> {
  const session = await getSession(ctx, id)
  if (!session.recording) throw problems.notRecorded({ id })
  try {
    return await RecordingReader.open(storeSource(store, ctx.accountId, id))
  } catch (error) {
    const isYoung = error instanceof ObjectNotFound && session.endedAt === null
    if (isYoung) throw problems.notRecordedYet({ id, retryAfterSeconds: 5 })
    if (error instanceof ObjectNotFound) throw problems.notRecorded({ id, cause: error })
    throw error
  }
}

/** The manifest, with an address for each part that lives for an hour. */
export async function describeRecording(ctx: Context, store: ObjectStore, id: string) {
  const { manifest } = await openRecording(ctx, store, id)
  const parts = await Promise.all(
    manifest.parts.map(async (part) => ({
      ...part,
      url: await store.signedUrl(recordingKey(ctx.accountId, id, part.name), {
        ...{ method: 'GET', expiresInSeconds: URL_SECONDS, downloadName: part.name },
      }),
    })),
  )
  return { ...manifest, parts }
}

/** What was recorded, as one download. */
export async function exportRecording(
  ctx: Context,
  store: ObjectStore,
  id: string,
  kind: 'har' | 'console' | 'trace',
): Promise<{ content: Readable; contentType: string; name: string }> {
  const recording = await openRecording(ctx, store, id)
  if (kind === 'trace') {
    const content = await recording.trace()
    return { content, contentType: 'application/zip', name: `${id}-trace.zip` }
  }
  if (kind === 'har') {
    const content = Readable.from(recording.har())
    return { content, contentType: 'application/json', name: `${id}.har` }
  }
  const content = Readable.from(recording.consoleLog())
  return { content, contentType: 'text/plain; charset=utf-8', name: `${id}-console.txt` }
}

/** Removes recordings that are older than the operator wants them. */
export function tidyRecordings(store: () => ObjectStore) {
  return defineJob({
    name: 'browsers.tidy_recordings',
    summary: 'Remove the recordings of sessions that ended long ago',
    input: z.strictObject({}),
    cron: '17 4 * * *',
    run: async (ctx) => {
      for (let found = await outlived(ctx); found.length > 0; found = await outlived(ctx)) {
        for (const { id, accountId } of found) {
          ctx.signal.throwIfAborted()
          await removeAll(store(), recordingKey(accountId, id, ''))
          await ctx.db
            .updateTable('browserSessions')
            .set({ recording: null })
            .where('id', '=', id)
            .execute()
        }
      }
    },
  })
}

function outlived(ctx: Context) {
  const days = ctx.settings.get(recordingDays)
  return ctx.db
    .selectFrom('browserSessions')
    .select(['id', 'accountId'])
    .where('recording', 'is not', null)
    .where(
      'endedAt',
      '<',
      sql<Date>`${ctx.clock.now()}::timestamptz - make_interval(days => ${days})`,
    )
    .limit(TIDIED_AT_ONCE)
    .execute()
}

/** Removes every part of one recording, or of several. */
export async function removeAll(store: ObjectStore, prefix: string): Promise<void> {
  const { objects } = await store.list(prefix, { limit: LISTED })
  // The manifest last: what it names is gone by then, and a try that broke off begins anew.
  const ordered = objects.toSorted(
    (a, b) => Number(a.key.endsWith(MANIFEST)) - Number(b.key.endsWith(MANIFEST)),
  )
  for (const { key } of ordered) await store.remove(key)
  if (objects.length === LISTED) await removeAll(store, prefix)
}
