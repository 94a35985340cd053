/** Told when the queue is full. */
export class TurnsFull extends Error {
  constructor() {
    super('too many are waiting')
    this.name = 'TurnsFull'
  }
}

/** Lets so much expensive work run at once; the rest waits in the order of coming, up to a bound. */
export class Turns {
  readonly #atOnce: number
  readonly #queueLength: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor({ atOnce, queueLength }: { atOnce: number; queueLength: number }) {
    this.#atOnce = atOnce
    this.#queueLength = queueLength
  }

  /**
   * @throws TurnsFull when the queue is full
   * @throws the signal's reason when it is aborted before the turn comes
   */
  async run<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    if (this.#running < this.#atOnce) this.#running++
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      this.#passOn()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#queueLength) throw new TurnsFull()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const enter = () => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      this.#waiting.delete(enter)
      reject(signal.reason)
    }
    this.#waiting.add(enter)
    signal.addEventListener('abort', leave, { once: true })
    return promise
  }

  /** The place of who has finished goes to who waits longest, so no newcomer slips in between. */
  #passOn(): void {
    const [next] = this.#waiting
    if (!next) {
      this.#running--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
