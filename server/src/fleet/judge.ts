import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import { nodeGone } from './events.ts'
import type { FleetJobs } from './jobs.ts'

const GONE_MS = 30_000
/** Looks are further apart only when this process was held up: it may have missed beats. */
const LONGEST_PAUSE_MS = 10_000
const MOST_NODES = 10_000

interface Seen {
  epoch: number
  sequence: string
  sinceMs: number
}

/**
 * Tells which nodes are gone: those whose beat this judge has seen stand still for 30 s, by its own steady clock, in one unbroken row
 * of looks at the database. A look that fails, or comes late, begins the row anew: a judge that was ill itself accuses nobody.
 * Belongs in the process that takes the beats: where nobody takes them, nobody is silent.
 */
export class NodeJudge {
  readonly #clock: Clock
  readonly #jobs: Pick<FleetJobs, 'endSessions'>
  #seen = new Map<string, Seen>()
  #lookedAtMs: number | undefined

  constructor(clock: Clock, jobs: Pick<FleetJobs, 'endSessions'>) {
    this.#clock = clock
    this.#jobs = jobs
  }

  /** One look; every 2 s. Returns the ids of the nodes that it has found gone. */
  async look(ctx: Context): Promise<string[]> {
    const startedMs = this.#clock.monotonicMs()
    if (this.#lookedAtMs === undefined || startedMs - this.#lookedAtMs > LONGEST_PAUSE_MS) {
      this.#seen.clear()
    }
    try {
      const found = await this.#judge(ctx, startedMs)
      this.#lookedAtMs = startedMs
      return found
    } catch (error) {
      this.#lookedAtMs = undefined
      throw error
    }
  }

  async #judge(ctx: Context, nowMs: number): Promise<string[]> {
    const nodes = await ctx.db
      .selectFrom('fleetNodes')
      .innerJoin('fleetInstances', 'fleetInstances.id', 'fleetNodes.instanceId')
      .select(['fleetNodes.id', 'epoch', 'sequence'])
      .where('goneAt', 'is', null)
      .where('status', '<>', 'terminated')
      .limit(MOST_NODES)
      .execute()
    if (this.#clock.monotonicMs() - nowMs > LONGEST_PAUSE_MS)
      throw new Error('the look took too long')
    const seen = new Map(
      nodes.map(({ id, epoch, sequence }) => {
        const before = this.#seen.get(id)
        const stands = before?.epoch === epoch && before.sequence === sequence
        return [id, stands ? before : { epoch, sequence, sinceMs: nowMs }]
      }),
    )
    this.#seen = seen
    const found: string[] = []
    for (const [id, one] of seen) {
      if (nowMs - one.sinceMs < GONE_MS) continue
      if (await declareGone(ctx, this.#jobs, id, one)) found.push(id)
    }
    return found
  }
}

/** Of two judges one acts, and a beat that comes in between wins over both. Announces `node.gone`. */
async function declareGone(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  id: string,
  { epoch, sequence }: Seen,
): Promise<boolean> {
  return ctx.transaction(async (ctx) => {
    const row = await ctx.db
      .updateTable('fleetNodes')
      .set({ goneAt: ctx.clock.now() })
      .where('id', '=', id)
      .where('epoch', '=', epoch)
      .where('sequence', '=', sequence)
      .where('goneAt', 'is', null)
      .returning('instanceId')
      .executeTakeFirst()
    if (!row) return false
    await ctx.events.emit(nodeGone, { id, instanceId: row.instanceId })
    await ctx.jobs.send(jobs.endSessions, { id }, { uniqueKey: id })
    return true
  })
}
