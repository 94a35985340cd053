import { problems } from '../problems.ts'
import type { Run } from './run.ts'

const MAX_WAITING = 64

/** Lets the commands of one session run one after another. */
export class CommandQueue {
  /** The one that runs, and those that wait. */
  #length = 0
  #last: Promise<void> = Promise.resolve()

  /**
   * Does `work` once every earlier command has ended; never when `run` ends before its turn.
   *
   * @throws problem `browser.busy` when 64 commands wait already, or the reason why `run` ended
   */
  async add<Result>(run: Run, work: () => Promise<Result>): Promise<Result> {
    if (this.#length > MAX_WAITING) throw problems.busy({ waiting: MAX_WAITING })
    const earlier = this.#last
    const done = Promise.withResolvers<void>()
    this.#last = done.promise
    this.#length++
    try {
      run.awaits('earlier commands of this session to end')
      await run.race(earlier)
      return await work()
    } finally {
      this.#length--
      void earlier.then(done.resolve)
    }
  }
}
