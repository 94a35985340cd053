import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '#kernel/context.ts'
import type { JobRun } from '#kernel/jobs.ts'
import { countUsers, resealColumn } from '#kernel/secrets/reseal.ts'
import { activateNext, addKey, KNOWN_MS, retireKey } from '#kernel/secrets/rotate.ts'
import { nameOf } from '#kernel/secrets/sealed-column.ts'
import type { SealingKeyRow } from '#kernel/secrets/sealing-keys.ts'
import { activated, added, retired } from './events.ts'
import type { SecretsParts } from './parts.ts'
import { problems } from './problems.ts'
import type { SealingKey } from './schema.ts'

/** Those that may still open something, with what is sealed with each. */
export async function listKeys(ctx: Context, parts: SecretsParts): Promise<SealingKey[]> {
  const [rows, users] = await Promise.all([parts.keys.rows(), countUsers(ctx, parts.columns)])
  return rows.map((row) => present(row, users.get(row.id) ?? {}))
}

/**
 * Adds a key that seals as soon as every process knows it; `queue` then starts the job that brings what is sealed under it.
 *
 * @throws KmsFailure
 */
export async function rotate(
  ctx: Context,
  parts: SecretsParts,
  queue: (ctx: Context, keyId: string) => Promise<unknown>,
): Promise<SealingKey[]> {
  const { row, isNew } = await addKey(ctx, parts.keys)
  await ctx.transaction(async (ctx) => {
    if (isNew) await ctx.events.emit(added, { keyId: row.id })
    await queue(ctx, row.id)
  })
  ctx.log.info({ keyId: row.id, source: row.source }, 'sealing key is to seal')
  await parts.keys.refresh()
  return listKeys(ctx, parts)
}

/** @throws problem `secrets.not_retiring`, `secrets.too_early` or `secrets.in_use` */
export async function retire(ctx: Context, parts: SecretsParts, id: string): Promise<SealingKey[]> {
  await ctx.transaction(async (ctx) => {
    const retirement = await retireKey(ctx, parts.columns, id)
    if (retirement.done) return ctx.events.emit(retired, { keyId: id })
    if (retirement.why === 'not_retiring') throw problems.notRetiring({ id })
    if (retirement.why === 'too_early') throw problems.tooEarly({ id })
    const users = Object.entries(retirement.users).map(([column, count]) => `${count} of ${column}`)
    throw problems.inUse({ id, users: users.join(', ') })
  })
  await parts.keys.refresh()
  return listKeys(ctx, parts)
}

/**
 * Lets a key that was added seal once it is known everywhere, and brings every record under the key that seals. Harmless when run
 * twice, or twice at once; when killed, the next run goes on.
 *
 * @throws Error when records do not open: they stay as they are
 */
export async function resealAll(
  ctx: Context,
  parts: SecretsParts,
  run: Pick<JobRun, 'progress'>,
): Promise<void> {
  const { knownMs = KNOWN_MS, keys } = parts
  await activateWhenKnown(ctx, parts, knownMs)
  const unreadable = await resealOnce(ctx, parts, run)
  const active = (await keys.rows()).find(({ state }) => state === 'active')
  const sinceMs = ctx.clock.now().getTime() - (active?.activatedAt?.getTime() ?? 0)
  if (sinceMs < knownMs) {
    // A process that had not heard of the new key yet may have sealed with the one before.
    await sleep(Math.min(knownMs - sinceMs, knownMs), undefined, { signal: ctx.signal })
    await resealOnce(ctx, parts, run)
  }
  if (unreadable > 0) throw new Error(`${unreadable} sealed records do not open`)
}

async function activateWhenKnown(ctx: Context, { keys }: SecretsParts, knownMs: number) {
  for (;;) {
    const next = (await keys.rows()).find(({ state }) => state === 'next')
    if (!next) return keys.refresh()
    const waitMs = next.createdAt.getTime() + knownMs - ctx.clock.now().getTime()
    if (waitMs > 0) await sleep(Math.min(waitMs, knownMs), undefined, { signal: ctx.signal })
    await keys.refresh()
    if (!keys.knows(next.id))
      throw new Error(keys.trouble ?? `the sealing key ${next.id} is missing`)
    await ctx.transaction(async (ctx) => {
      const now = await activateNext(ctx, knownMs)
      if (now) await ctx.events.emit(activated, { keyId: now.id })
    })
  }
}

async function resealOnce(
  ctx: Context,
  { keys, columns }: SecretsParts,
  run: Pick<JobRun, 'progress'>,
): Promise<number> {
  const total = await countOthers(ctx, { keys, columns })
  let [done, unreadable] = [0, 0]
  for (const column of columns) {
    const onBatch = async (resealed: number) => {
      done += resealed
      await run.progress(done, Math.max(total, done), nameOf(column))
    }
    unreadable += (await resealColumn(ctx, keys, column, onBatch)).unreadable
  }
  if (done > 0) ctx.log.info({ records: done, keyId: keys.activeId }, 'records sealed anew')
  return unreadable
}

async function countOthers(ctx: Context, { keys, columns }: SecretsParts): Promise<number> {
  const users = [...(await countUsers(ctx, columns))].filter(([id]) => id !== keys.activeId)
  return users
    .flatMap(([, byColumn]) => Object.values(byColumn))
    .reduce((sum, count) => sum + count, 0)
}

function present(row: SealingKeyRow, records: Record<string, number>): SealingKey {
  const { id, state: status, source, createdAt, activatedAt, retiringAt } = row
  return {
    ...{ id, status, source, records, createdAt: createdAt.toISOString() },
    ...(activatedAt && { activatedAt: activatedAt.toISOString() }),
    ...(retiringAt && { retiringAt: retiringAt.toISOString() }),
  }
}
