import type { Dispatcher } from 'undici'
import { undici } from './undici.ts'

const CALL_MS = 10_000
const MAX_SHOWN = 500

/** The control plane said no. */
export class Refused extends Error {
  readonly status: number
  /** Of the problem, when it was one. */
  readonly code: string | undefined
  readonly detail: string | undefined

  constructor(path: string, status: number, said: string) {
    const { code, detail } = readProblem(said)
    super(`the control plane answered ${status} to ${path}: ${detail ?? said.slice(0, MAX_SHOWN)}`)
    this.name = 'Refused'
    this.status = status
    this.code = code
    this.detail = detail
  }

  /** Whether the same may be granted later: it is busy, or the machine has another process that is about to be gone. */
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

export interface PostOptions {
  /** 10 s unless given. */
  timeoutMs?: number
  signal?: AbortSignal
  dispatcher?: Dispatcher
}

/** The API of the control plane, as the processes call it that have no database. */
export class ApiClient implements AsyncDisposable {
  readonly #url: string
  readonly #agent: Dispatcher
  credential: string | undefined

  /** @param url such as `https://gantry.example.com` */
  constructor(url: string, { connections = 4 }: { connections?: number } = {}) {
    this.#url = url
    const { Agent } = undici()
    this.#agent = new Agent({ connections })
  }

  /** @throws Refused for an answer that is no success */
  async post<Answer>(path: string, body: unknown, options: PostOptions = {}): Promise<Answer> {
    const { timeoutMs = CALL_MS, signal, dispatcher = this.#agent } = options
    const inTime = AbortSignal.timeout(timeoutMs)
    const { statusCode, body: answer } = await undici().request(new URL(path, this.#url), {
      method: 'POST',
      dispatcher,
      headers: {
        'content-type': 'application/json',
        ...(this.credential && { authorization: `Bearer ${this.credential}` }),
      },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, inTime]) : inTime,
    })
    const text = await answer.text()
    if (statusCode >= 300) throw new Refused(path, statusCode, text)
    return (text ? JSON.parse(text) : undefined) as Answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}
