import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'

export interface SpotNoticeOptions {
  log: Logger
  /** Called once, when the machine is about to be taken back; two minutes are left then. */
  onNotice(notice: SpotNotice): void
  /** Of the instance metadata service. */
  baseUrl?: string
  everyMs?: number
}

export interface SpotNotice {
  action: 'terminate' | 'stop' | 'hibernate'
  /** ISO 8601. */
  time: string
}

const METADATA = 'http://169.254.169.254'
const EVERY_MS = 5_000
const CALL_MS = 2_000
const TOKEN_SECONDS = 21_600
const LONGEST_ANSWER = 4_096

/** Asks the metadata service of a spot machine whether it is to be taken back, with a token as version 2 of that service wants. */
export function watchSpotNotice(options: SpotNoticeOptions): AsyncDisposable {
  const metadata = new Metadata(options.baseUrl ?? METADATA)
  let told = false
  const ticker = new Ticker({
    ...{ name: 'ask for a spot notice', everyMs: options.everyMs ?? EVERY_MS, log: options.log },
    work: async () => {
      if (told) return
      const notice = readNotice(await metadata.get('/latest/meta-data/spot/instance-action'))
      if (!notice) return
      told = true
      options.onNotice(notice)
    },
  })
  ticker.start()
  return ticker
}

function readNotice(body: string | undefined): SpotNotice | undefined {
  if (body === undefined) return undefined
  const { action, time } = JSON.parse(body) as Partial<SpotNotice>
  if (action !== 'terminate' && action !== 'stop' && action !== 'hibernate') return undefined
  return { action, time: String(time) }
}

class Metadata {
  readonly #baseUrl: string
  #token: string | undefined

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl
  }

  /** Nothing when there is no such thing (404). */
  async get(path: string): Promise<string | undefined> {
    this.#token ??= await this.#newToken()
    let answer = await this.#send('GET', path, { 'x-aws-ec2-metadata-token': this.#token })
    if (answer.status === 401) {
      this.#token = await this.#newToken()
      answer = await this.#send('GET', path, { 'x-aws-ec2-metadata-token': this.#token })
    }
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw new Error(`the metadata service answers ${answer.status}`)
    return answer.body
  }

  async #newToken(): Promise<string> {
    const { status, body } = await this.#send('PUT', '/latest/api/token', {
      'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS),
    })
    if (status !== 200) throw new Error(`the metadata service gives no token: ${status}`)
    return body
  }

  async #send(method: string, path: string, headers: Record<string, string>) {
    const signal = AbortSignal.timeout(CALL_MS)
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
    const sent = request(new URL(path, this.#baseUrl), { method, headers, signal }, (answer) => {
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > LONGEST_ANSWER) answer.destroy(new Error('the metadata service says too much'))
      })
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject)
    })
    sent.once('error', reject)
    sent.end()
    return promise
  }
}
