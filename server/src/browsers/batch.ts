import type { Context } from '#kernel/context.ts'
import { problemBody, toProblem } from '#kernel/http/failures.ts'
import { Problem } from '#kernel/problem.ts'
import {
  type Batch,
  type BatchCommand,
  type BatchResult,
  DEFAULT_BATCH_TIMEOUT_MS,
} from './batch-schema.ts'
import { runCommand, runPageCommand } from './commands.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'

type Entry = BatchResult['results'][number]

/** Of all images and PDFs of one batch together, before they are base64. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024

/**
 * Runs commands one after another, each as if it had been sent by itself. Commands that others send meanwhile may come in between.
 *
 * @throws problem `session.not_found`, `session.closed` and whatever else keeps the first command from reaching the session, or the
 *   reason of `ctx.signal`
 */
export async function runBatch(
  ctx: Context,
  runtime: BrowserRuntime,
  sessionId: string,
  { commands, stopOnError = true, timeoutMs = DEFAULT_BATCH_TIMEOUT_MS }: Batch,
): Promise<BatchResult> {
  using deadline = new BatchDeadline(ctx, timeoutMs)
  const run = new BatchRun(deadline.ctx, runtime, sessionId)
  let isOver = false
  for (const command of commands) {
    const entry: Entry = isOver ? skipped(command) : await run.do(command)
    run.results.push(entry)
    ctx.signal.throwIfAborted()
    isOver ||= deadline.isOver || (stopOnError && entry.status === 'error')
  }
  return { sessionId, results: run.results }
}

function skipped({ type }: BatchCommand): Entry {
  return { type, status: 'skipped', durationMs: 0 }
}

class BatchDeadline implements Disposable {
  readonly ctx: Context
  readonly #over = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(ctx: Context, timeoutMs: number) {
    const reason = problems.timeout({ awaited: 'all commands of the batch to end', timeoutMs })
    this.#timer = setTimeout(() => this.#over.abort(reason), timeoutMs)
    this.ctx = ctx.with({ signal: AbortSignal.any([ctx.signal, this.#over.signal]) })
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

class BatchRun {
  readonly results: Entry[] = []
  readonly #ctx: Context
  readonly #runtime: BrowserRuntime
  readonly #sessionId: string
  #outputBytes = 0

  constructor(ctx: Context, runtime: BrowserRuntime, sessionId: string) {
    this.#ctx = ctx
    this.#runtime = runtime
    this.#sessionId = sessionId
  }

  async do(command: BatchCommand): Promise<Entry> {
    const { type } = command
    const startedMs = this.#ctx.clock.monotonicMs()
    const durationMs = () => Math.round(this.#ctx.clock.monotonicMs() - startedMs)
    try {
      const result = this.#written(await this.#send(command))
      return { type, status: 'success', durationMs: durationMs(), result }
    } catch (error) {
      return { type, status: 'error', durationMs: durationMs(), problem: this.#told(error) }
    }
  }

  async #send({ type, ...input }: BatchCommand): Promise<object> {
    const [ctx, runtime, id] = [this.#ctx, this.#runtime, this.#sessionId]
    return type === 'click' || type === 'type'
      ? runPageCommand(ctx, runtime, id, type, input as never)
      : runCommand(ctx, runtime, id, type, input as never)
  }

  /** The result without its session, which is the batch's, and with its bytes as text. */
  #written(result: object): Record<string, unknown> {
    const { sessionId: _, bytes, ...rest } = result as Record<string, unknown>
    if (!Buffer.isBuffer(bytes)) return bytes === undefined ? rest : { bytes, ...rest }
    this.#outputBytes += bytes.length
    if (this.#outputBytes > MAX_OUTPUT_BYTES) {
      throw problems.outputTooLarge({ what: 'What the batch answers', limit: MAX_OUTPUT_BYTES })
    }
    const { contentType, ...facts } = rest
    const isImage = typeof contentType === 'string' && contentType.startsWith('image/')
    const format = isImage ? { format: contentType.slice('image/'.length) } : {}
    return { ...facts, ...format, base64: bytes.toString('base64') }
  }

  #told(error: unknown): Entry['problem'] {
    const problem = toProblem(error)
    const isFirst = this.results.length === 0
    if (isFirst && error instanceof Problem && error.code.startsWith('session.')) throw error
    if (problem.status >= 500 && !(error instanceof Problem)) {
      this.#ctx.log.error({ err: error }, 'a command of a batch failed')
    }
    const instance = `/api/v1/sessions/${this.#sessionId}/batch`
    return problemBody(problem, instance, this.#ctx.correlationId)
  }
}
