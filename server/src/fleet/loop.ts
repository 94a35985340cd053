import type { Context } from '#kernel/context.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { Fleet } from './instance-changes.ts'
import { nodeJudge } from './judge.ts'
import { reconcile } from './reconcile.ts'

const RECONCILE_EVERY_MS = 10_000
const LOOK_EVERY_MS = 2_000

/** Keeps the fleet as it should be, until disposed of. For a process that runs jobs. */
export function keepFleet(ctx: Context, fleet: Fleet): AsyncDisposable & { nudge(): void } {
  const ticker = new Ticker({
    ...{ name: 'keep the fleet', everyMs: RECONCILE_EVERY_MS, log: ctx.log },
    work: async () => {
      const actions = await reconcile(ctx, fleet)
      if (actions.length > 0) ctx.log.info({ actions }, 'fleet changes')
    },
  })
  ticker.start()
  return ticker
}

/** Looks for nodes that are gone, until disposed of. For a process that takes their beats. */
export function judgeNodes(ctx: Context, fleet: Pick<Fleet, 'jobs'>): AsyncDisposable {
  const judge = nodeJudge(ctx.clock, fleet.jobs)
  const ticker = new Ticker({
    ...{ name: 'look for nodes that are gone', everyMs: LOOK_EVERY_MS, log: ctx.log },
    work: async () => {
      const gone = await judge.look(ctx)
      if (gone.length > 0) ctx.log.error({ nodes: gone }, 'nodes are gone')
    },
  })
  ticker.start()
  return ticker
}
