import type { Clock } from './clock.ts'
import type { Context } from './context.ts'

const GONE_MS = 30_000
/** Looks are further apart only when this process was held up: it may have missed beats. */
const LONGEST_PAUSE_MS = 10_000

/** What beats, as its row has it; a beat raises the sequence, a new join the epoch. */
export interface Beating {
  id: string
  epoch: number
  sequence: string
}

export interface SilenceJudgeOptions {
  clock: Clock
  /** Everything that has to beat and is not known to be gone. */
  read(ctx: Context): Promise<readonly Beating[]>
  /** Writes down that it is gone, unless a beat has come in between. False when it has, or somebody else was faster. */
  declareGone(ctx: Context, beating: Beating): Promise<boolean>
}

/**
 * Tells what is gone: that whose beat this judge has seen stand still for 30 s, by its own steady clock, in one unbroken row of looks at
 * the database. A look that fails, or comes late, begins the row anew: a judge that was ill itself accuses nobody. Belongs in the process
 * that takes the beats: where nobody takes them, nobody is silent.
 */
export class SilenceJudge {
  readonly #options: SilenceJudgeOptions
  #seen = new Map<string, Beating & { sinceMs: number }>()
  #lookedAtMs: number | undefined

  constructor(options: SilenceJudgeOptions) {
    this.#options = options
  }

  /** One look; every 2 s. Returns the ids of those that it has found gone. */
  async look(ctx: Context): Promise<string[]> {
    const startedMs = this.#options.clock.monotonicMs()
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
    const { clock, read, declareGone } = this.#options
    const all = await read(ctx)
    if (clock.monotonicMs() - nowMs > LONGEST_PAUSE_MS) throw new Error('the look took too long')
    this.#seen = new Map(
      all.map(({ id, epoch, sequence }) => {
        const before = this.#seen.get(id)
        const stands = before?.epoch === epoch && before.sequence === sequence
        return [id, stands ? before : { id, epoch, sequence, sinceMs: nowMs }]
      }),
    )
    const found: string[] = []
    for (const one of this.#seen.values()) {
      if (nowMs - one.sinceMs < GONE_MS) continue
      if (await declareGone(ctx, one)) found.push(one.id)
    }
    return found
  }
}
