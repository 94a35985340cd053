import type { Socket } from 'socket.io'
import { problemBody, toProblem } from '#kernel/http/failures.ts'
import type { Logger } from '#kernel/log.ts'
import { Problem } from '#kernel/problem.ts'
import { Backlog } from './backlog.ts'
import * as limits from './limits.ts'
import { channelProblems } from './problems.ts'

type Answer = { ok: true; result: unknown } | { ok: false; problem: ReturnType<typeof problemBody> }
export type Acknowledge = (answer: Answer) => void

/** For the last word. Who reads too slowly has longer to get it. */
const CUT_AFTER_MS = 2_000
const CUT_SLOW_AFTER_MS = 20_000
const READ_POLL_MS = 50

/** The way to one client: what is sent, how much of it may wait, and how it is closed. */
export class Outlet {
  readonly #socket: Socket
  readonly #correlationId: string
  readonly #log: Logger
  readonly #backlog: Backlog
  #isClosing = false

  constructor(socket: Socket, { correlationId, log }: { correlationId: string; log: Logger }) {
    this.#socket = socket
    this.#correlationId = correlationId
    this.#log = log
    this.#backlog = new Backlog(socket.conn)
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  /** Returns whether the client still keeps up. */
  deliver(event: Record<string, unknown>): boolean {
    if (!this.#isClosing) this.#socket.emit('event', event)
    return this.#backlog.eventBytes <= limits.MAX_UNREAD_EVENT_BYTES
  }

  /** @throws problem `channel.too_slow` when the client has not read the results before this one */
  succeed(acknowledge: Acknowledge, result: unknown): void {
    const { bytes } = (result ?? {}) as { bytes?: unknown }
    const limit = limits.MAX_UNREAD_BYTES
    const size = Buffer.isBuffer(bytes) ? bytes.length : 0
    const waiting = this.#backlog.bytes
    if (waiting > 0 && waiting + size > limit) throw channelProblems.tooSlow({ limit })
    this.#send(acknowledge, { ok: true, result })
  }

  fail(acknowledge: Acknowledge, error: unknown): void {
    const problem = toProblem(error)
    if (problem.status >= 500 && !(error instanceof Problem)) {
      this.#log.error({ err: error }, 'a message of a live channel failed')
    }
    this.#send(acknowledge, { ok: false, problem: this.#told(problem) })
  }

  /** For those who gave no callback. */
  readonly complain: Acknowledge = (answer) => {
    if (!answer.ok) this.#socket.emit('problem', answer.problem)
  }

  /** Settled when the client has read most of what was sent, or is gone. */
  async whenRead(gone: AbortSignal): Promise<void> {
    while (this.#backlog.bytes > limits.REPLAY_BELOW_BYTES && !gone.aborted) {
      await new Promise((resolve) => setTimeout(resolve, READ_POLL_MS))
    }
  }

  /** Ends the channel for good: a client of Socket.IO does not come back by itself. */
  dismiss(problem: Problem): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#socket.emit('closing', this.#told(problem))
    this.#socket.disconnect(true)
    this.#cutAfter(CUT_AFTER_MS)
  }

  /** Cuts the connection: a client of Socket.IO comes back by itself. */
  drop(problem: Problem, code?: number): void {
    if (this.#isClosing) return
    this.#isClosing = true
    const webSocket = webSocketOf(this.#socket)
    // What waits is told again to the one who comes back.
    this.#backlog.clear()
    this.#socket.emit('closing', this.#told(problem))
    if (code !== undefined && webSocket) webSocket.close(code, problem.kind.title)
    else this.#socket.conn.close()
    this.#cutAfter(CUT_SLOW_AFTER_MS)
  }

  /** The client has said goodbye, or is gone: of one that has only left the namespace the connection would stay. */
  close(): void {
    this.#isClosing = true
    this.#socket.conn.close()
    this.#cutAfter(CUT_AFTER_MS)
  }

  #send(acknowledge: Acknowledge, answer: Answer): void {
    try {
      acknowledge(answer)
    } catch {
      // What is nested deeper than the stack is cannot be written as JSON.
      acknowledge({ ok: false, problem: this.#told(channelProblems.tooDeep()) })
    }
  }

  #told(problem: Problem) {
    const { retryAfterSeconds } = problem.facts
    const body = problemBody(problem, '/socket.io', this.#correlationId)
    return { ...body, ...(retryAfterSeconds && { retryAfterSeconds }) }
  }

  #cutAfter(ms: number): void {
    const { conn } = this.#socket
    const timer = setTimeout(() => {
      webSocketOf(this.#socket)?.terminate()
      conn.close(true)
    }, ms).unref()
    conn.once('close', () => clearTimeout(timer))
  }
}

interface ClosableSocket {
  close(code: number, reason: string): void
  terminate(): void
}

/** Nothing while the client polls. */
function webSocketOf({ conn }: Socket): ClosableSocket | undefined {
  return (conn.transport as unknown as { socket?: ClosableSocket }).socket
}
