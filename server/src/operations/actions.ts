import type { Context } from '#kernel/context.ts'
import { purgeExpiredKeys } from '#kernel/http/idempotency.ts'
import type { OperationsParts, Progress, RecoveryAction } from './parts.ts'

const PAGE = 25

/** The actions of a process: our own, and those that other capabilities hand over. */
export function recoveryActions(parts: OperationsParts): readonly RecoveryAction[] {
  return [
    {
      name: 'retry-dead-jobs',
      what: 'Run every job again that has used up its tries',
      run: (ctx, progress) => retryDeadJobs(ctx, progress, parts.jobs),
    },
    {
      name: 'refresh-settings',
      what: 'Read the runtime settings and feature flags again in the process that runs this',
      run: async () => {
        await parts.settings.refresh()
        return {}
      },
    },
    {
      name: 'purge-idempotency-keys',
      what: 'Delete the idempotency keys that have expired',
      run: async (ctx) => ({ deleted: await purgeKeys(ctx) }),
    },
    ...parts.recoveryActions,
  ]
}

/** From the newest to the oldest: one that dies again meanwhile is newer, and so is not seen twice. */
async function retryDeadJobs(ctx: Context, progress: Progress, jobs: OperationsParts['jobs']) {
  const dead = (await jobs.counts()).filter(({ state }) => state === 'dead')
  const total = dead.reduce((sum, { count }) => sum + count, 0)
  let [retried, left] = [0, 0]
  let page = await jobs.list({ state: 'dead', limit: PAGE })
  for (;;) {
    for (const { id } of page.jobs) {
      ctx.signal.throwIfAborted()
      if (await jobs.retry(id)) retried++
      else left++
    }
    await progress(retried + left, Math.max(total, retried + left))
    if (!page.next) return { retried, left }
    page = await jobs.list({ state: 'dead', limit: PAGE, after: page.next })
  }
}

export function purgeKeys(ctx: Context): Promise<number> {
  return inBatches(ctx, () => purgeExpiredKeys(ctx.db, ctx.clock.now()))
}

/** Repeats a bounded deletion until nothing is left; returns how many it has deleted. */
export async function inBatches(ctx: Context, deleteSome: () => Promise<number>): Promise<number> {
  for (let deleted = 0; ;) {
    ctx.signal.throwIfAborted()
    const some = await deleteSome()
    if (some === 0) return deleted
    deleted += some
  }
}
