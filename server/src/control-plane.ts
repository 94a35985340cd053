import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Entry, SessionFacts } from '#browsers/index.ts'
import type { BeatAnswer, BeatRequest, Joined, JoinRequest, LeaveRequest } from '#fleet/index.ts'
import type { Logger } from '#kernel/log.ts'

const CALL_MS = 10_000
/** Less than a recording waits for its sink. */
const KEEP_MS = 50_000
const KEEP_AGAIN_MS = 1_000
const MAX_SHOWN = 500
const UNREADABLE: ReadonlySet<number> = new Set([400, 413, 422])

/** What a node tells beside its beats: reports that must arrive, and facts that may be lost. */
export interface NodeReport {
  entries?: Entry[]
  sessions?: SessionFacts[]
}

/** The control plane said no. */
export class Refused extends Error {
  readonly status: number
  /** Of the problem, when it was one. */
  readonly code: string | undefined

  constructor(path: string, status: number, said: string) {
    const { code, detail } = readProblem(said)
    super(`the control plane answered ${status} to ${path}: ${detail ?? said.slice(0, MAX_SHOWN)}`)
    this.name = 'Refused'
    this.status = status
    this.code = code
  }

  /** Whether the same may be granted later: it is busy, or the machine has another node that is about to be gone. */
  get mayPass(): boolean {
    return this.status >= 500 || [408, 409, 421, 425, 429].includes(this.status)
  }
}

function readProblem(text: string): { code?: string; detail?: string } {
  try {
    const { code, detail } = JSON.parse(text) as { code?: string; detail?: string }
    return { ...(code && { code }), ...(detail && { detail }) }
  } catch {
    return {}
  }
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
export class ControlPlane implements AsyncDisposable {
  readonly #url: string
  readonly #agent = new Agent({ connections: 4 })
  /** Slow and many: no beat waits for them. */
  readonly #recordings = new Agent({ connections: 4 })
  #closed = false
  credential: string | undefined

  /** @param url such as `https://gantry.example.com` */
  constructor(url: string) {
    this.#url = url
  }

  /** @throws Refused when the token does not count */
  join(body: JoinRequest): Promise<Joined> {
    return this.#post<Joined>('/api/v1/node/join', body)
  }

  /** @throws Refused with 401 when it no longer knows this node */
  beat(body: BeatRequest): Promise<BeatAnswer> {
    return this.#post<BeatAnswer>('/api/v1/node/beat', body)
  }

  /** @throws Refused with 401 when it no longer knows this node */
  async leave(body: LeaveRequest): Promise<void> {
    await this.#post('/api/v1/node/leave', body)
  }

  async report(body: NodeReport): Promise<void> {
    await this.#post('/api/v1/node/reports', body)
  }

  /** Stores one part of a session's recording; tries again for 50 s while the control plane is away. */
  async keepPart(sessionId: string, name: string, bytes: Uint8Array): Promise<void> {
    const part = { sessionId, name, base64: Buffer.from(bytes).toString('base64') }
    const endMs = performance.now() + KEEP_MS
    for (;;) {
      try {
        return await this.#post('/api/v1/node/recordings', part, this.#recordings)
      } catch (error) {
        const isFinal = this.#closed || (error instanceof Refused && !error.mayPass)
        if (isFinal || performance.now() > endMs) throw error
      }
      await sleep(KEEP_AGAIN_MS, undefined, { ref: false })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all([this.#agent.destroy(), this.#recordings.destroy()])
  }

  async #post<Answer>(path: string, body: unknown, dispatcher = this.#agent): Promise<Answer> {
    const { statusCode, body: answer } = await request(new URL(path, this.#url), {
      method: 'POST',
      dispatcher,
      headers: {
        'content-type': 'application/json',
        ...(this.credential && { authorization: `Bearer ${this.credential}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_MS),
    })
    const text = await answer.text()
    if (statusCode >= 300) throw new Refused(path, statusCode, text)
    return (text ? JSON.parse(text) : undefined) as Answer
  }
}
