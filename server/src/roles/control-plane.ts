import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import type { Entry, SessionFacts, TunnelRoute } from '#browsers/index.ts'
import type { BeatAnswer, BeatRequest, Joined, JoinRequest, LeaveRequest } from '#fleet/index.ts'
import { ApiClient, Refused } from '#kernel/api-client.ts'
import type { Logger } from '#kernel/log.ts'

/** Less than a recording waits for its sink. */
const KEEP_MS = 50_000
const KEEP_AGAIN_MS = 1_000
const UNREADABLE: ReadonlySet<number> = new Set([400, 413, 422])

/** What a node tells beside its beats: reports that must arrive, and facts that may be lost. */
export interface NodeReport {
  entries?: Entry[]
  sessions?: SessionFacts[]
}

/**
 * Delivers entries of the journal in their order. One that the control plane cannot read is given up, since it would keep back all
 * that come after it.
 */
export async function deliverReports(
  controlPlane: Pick<ControlPlane, 'report'>,
  log: Logger,
  entries: readonly Entry[],
): Promise<void> {
  try {
    await controlPlane.report({ entries: [...entries] })
  } catch (error) {
    if (!(error instanceof Refused) || !UNREADABLE.has(error.status)) throw error
    if (entries.length > 1) {
      const half = Math.ceil(entries.length / 2)
      await deliverReports(controlPlane, log, entries.slice(0, half))
      return deliverReports(controlPlane, log, entries.slice(half))
    }
    log.error({ err: error, session: entries[0]?.report.sessionId }, 'a report is given up')
  }
}

/** The API as a node calls it. Every call has 10 s. */
export class ControlPlane extends ApiClient {
  /** Slow and many: no beat waits for them. */
  readonly #recordings = new Agent({ connections: 4 })
  #closed = false

  /** @throws Refused when the token does not count */
  join(body: JoinRequest): Promise<Joined> {
    return this.post<Joined>('/api/v1/node/join', body)
  }

  /** @throws Refused with 401 when it no longer knows this node */
  beat(body: BeatRequest): Promise<BeatAnswer> {
    return this.post<BeatAnswer>('/api/v1/node/beat', body)
  }

  /** @throws Refused with 401 when it no longer knows this node */
  async leave(body: LeaveRequest): Promise<void> {
    await this.post('/api/v1/node/leave', body)
  }

  /** @throws Refused with the code of a problem for a tunnel that the session may not use, or that nobody holds open */
  tunnelRoute(body: { sessionId: string; name: string }): Promise<TunnelRoute> {
    return this.post<TunnelRoute>('/api/v1/node/tunnel-route', body)
  }

  async report(body: NodeReport): Promise<void> {
    await this.post('/api/v1/node/reports', body)
  }

  /** Stores one part of a session's recording; tries again for 50 s while the control plane is away. */
  async keepPart(sessionId: string, name: string, bytes: Uint8Array): Promise<void> {
    const part = { sessionId, name, base64: Buffer.from(bytes).toString('base64') }
    const endMs = performance.now() + KEEP_MS
    for (;;) {
      try {
        return await this.post('/api/v1/node/recordings', part, { dispatcher: this.#recordings })
      } catch (error) {
        const isFinal = this.#closed || (error instanceof Refused && !error.mayPass)
        if (isFinal || performance.now() > endMs) throw error
      }
      await sleep(KEEP_AGAIN_MS, undefined, { ref: false })
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all([super[Symbol.asyncDispose](), this.#recordings.destroy()])
  }
}
