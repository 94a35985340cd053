import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Context } from '#kernel/context.ts'
import { presentOperation } from './present.ts'
import { problems } from './problems.ts'
import { getOwnOperation } from './service.ts'

const LOOK_MS = 500
/** Proxies close a connection on which nothing is said. */
const SILENCE_MS = 15_000
/** Whoever lost the right to see it meanwhile is asked for it again after this. */
const LONGEST_MS = 10 * 60 * 1000

const MAX_STREAMS = 100

/** The streams that are open in this process. */
export class Followers {
  readonly #streams = new Set<Readable>()

  /**
   * The operation as server-sent events named `operation`: at once, at each change, and a last time when it has ended. Ends also after
   * 10 minutes, when the client has gone and when the process stops.
   *
   * @throws problem `operation.not_found` or `operation.too_many_followers`
   */
  async follow(ctx: Context, id: string, stopping: AbortSignal): Promise<Readable> {
    await getOwnOperation(ctx, id)
    if (this.#streams.size >= MAX_STREAMS) {
      throw problems.tooManyFollowers({ retryAfterSeconds: 5 })
    }
    const signal = AbortSignal.any([ctx.signal, stopping])
    const stream = Readable.from(events(ctx, id, signal), { objectMode: false })
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    return stream
  }
}

async function* events(ctx: Context, id: string, signal: AbortSignal): AsyncGenerator<string> {
  const endMs = ctx.clock.monotonicMs() + LONGEST_MS
  let spokenMs = 0
  let last: unknown
  while (!signal.aborted && ctx.clock.monotonicMs() < endMs) {
    const row = await getOwnOperation(ctx, id)
    const operation = presentOperation(row)
    const nowMs = ctx.clock.monotonicMs()
    if (!isDeepStrictEqual(operation, last)) {
      yield `event: operation\ndata: ${JSON.stringify(operation)}\n\n`
      spokenMs = nowMs
    } else if (nowMs - spokenMs > SILENCE_MS) {
      yield ': still there\n\n'
      spokenMs = nowMs
    }
    if (row.endedAt) return
    last = operation
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
}
