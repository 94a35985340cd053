import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { within } from '#kernel/within.ts'
import type { BrowserHost, LostReason, WipeReport } from '../host/host.ts'
import { END_REASONS, type EndReason } from '../states.ts'
import type { Journal } from './journal.ts'
import type { NodeSession } from './node-session.ts'

export interface SessionEndsOptions {
  host: BrowserHost
  /** The sessions that live; one whose end begins is taken out. */
  live: Map<string, NodeSession>
  clock: Clock
  log: Logger
  /** Where ends are written down, once it is open. */
  journal(): Journal | undefined
}

/** For the last words of a session, its recording's above all, whose store may hang. They go on beyond it. */
const CLOSE_MS = 10_000

/** The ends of sessions of this machine, from where one begins to where it is written down. */
export class SessionEnds {
  readonly #options: SessionEndsOptions
  /** Live no more, but what became of them is not written down yet. */
  readonly #ending = new Map<string, Promise<WipeReport>>()

  constructor(options: SessionEndsOptions) {
    this.#options = options
  }

  get ids(): readonly string[] {
    return [...this.#ending.keys()]
  }

  has(id: string): boolean {
    return this.#ending.has(id)
  }

  /** Resolves once all that have begun are over, however they ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#ending.values())
  }

  /** Ends a session that somebody else has decided about, and writes nothing down. */
  async end(id: string): Promise<WipeReport> {
    return this.#ending.get(id) ?? this.#during(id, this.#close(id), (wiping) => wiping)
  }

  /** Ends a session by the node's own decision and sees to it that this is written down. Where that fails its row is found lost. */
  async finish(id: string, reason: EndReason, message?: string): Promise<void> {
    const session = this.#options.live.get(id)
    if (!session || this.#ending.has(id)) return
    if (END_REASONS[reason] === 'error') session.lostBecause = message ?? reason
    const { accountId } = session.spec
    await this.#during(id, this.#close(id), async (wiping) => {
      const wipe = await wiping
      this.#options.log.info({ session: id, reason }, 'session ended')
      const about = { sessionId: id, accountId, atMs: this.#options.clock.now().getTime() }
      const report = { ...about, kind: 'ended', reason, wipe, ...(message && { message }) } as const
      await this.#options.journal()?.append(report)
    }).catch((error: unknown) => {
      this.#options.log.error({ err: error, session: id, reason }, 'a session could not be ended')
    })
  }

  /** Ends a session whose browser is gone. */
  async lose(id: string, reason: LostReason, detail: string): Promise<void> {
    const { endReason, message } = explainLoss(reason, detail)
    await this.finish(id, endReason, message)
  }

  /** Until its end is written down it is still of this node, so that nobody takes it for lost. */
  tell(id: string, wipe: WipeReport, taken: Promise<void>): void {
    const told = taken.then(() => wipe)
    this.#ending.set(id, told)
    void told.finally(() => this.#ending.delete(id))
  }

  async #during<Result>(
    id: string,
    wiping: Promise<WipeReport>,
    work: (wiping: Promise<WipeReport>) => Promise<Result>,
  ): Promise<Result> {
    this.#ending.set(id, wiping)
    try {
      return await work(wiping)
    } finally {
      this.#ending.delete(id)
    }
  }

  async #close(id: string): Promise<WipeReport> {
    const { live, host, log } = this.#options
    const session = live.get(id)
    live.delete(id)
    const closing = session?.[Symbol.asyncDispose]().catch((error: unknown) => {
      log.warn({ err: error, session: id }, 'a session was not closed in order')
    })
    const [report] = await Promise.all([host.end(id), within(CLOSE_MS, closing)])
    if (report.processes + report.directories + report.sockets > 0) {
      log.error({ session: id, ...report }, 'an ended session left something behind')
    }
    return report
  }
}

function explainLoss(
  reason: LostReason,
  detail: string,
): { endReason: EndReason; message: string } {
  if (reason === 'memory' || reason === 'disk') return { endReason: reason, message: detail }
  return { endReason: 'crashed', message: `the browser was ${reason}: ${detail}` }
}
