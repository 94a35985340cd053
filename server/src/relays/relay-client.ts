import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Logger } from '#kernel/log.ts'
import type { Peer } from './control.ts'
import type { CallName, RelayCalls } from './peers/calls.ts'
import { PeerLink } from './peers/peer-link.ts'
import { CALL_MS, CALL_PATH, MAX_ANSWER_BYTES, PEER_HEADERS } from './peers/wire.ts'

export interface RelayClientOptions {
  peer: Peer
  /** A service token whose audience is `AUDIENCES.call` and whose subject is this relay. */
  tokenFor(relayId: string): Promise<string>
  log: Logger
}

/** Of a request that is made once more: its service takes its time. */
const REPLAY_MS = 30_000

/** A relay in another process, as the control plane calls it. A call has 5 s, but for `replay`. */
export class RelayClient implements RelayCalls, AsyncDisposable {
  readonly peer: Peer
  readonly #options: RelayClientOptions
  readonly #link: PeerLink

  constructor(options: RelayClientOptions) {
    this.peer = options.peer
    this.#options = options
    this.#link = new PeerLink(options.peer, options.log)
  }

  readonly requests = this.#caller('requests')
  readonly request = this.#caller('request')
  readonly replay = this.#caller('replay')
  readonly live = this.#caller('live')
  readonly logs = this.#caller('logs')

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]()
  }

  #caller<Name extends CallName>(name: Name): RelayCalls[Name] {
    return ((input: unknown) => this.#call(name, input)) as RelayCalls[Name]
  }

  /** @throws Error when the relay cannot be reached, is silent, or says what has failed there */
  async #call(name: CallName, input: unknown): Promise<unknown> {
    const body = Buffer.from(JSON.stringify({ name, input }))
    const token = await this.#options.tokenFor(this.peer.relayId)
    const asked = this.#link.ask({
      ...{ method: 'POST', path: CALL_PATH },
      headers: [PEER_HEADERS.token, token, 'Content-Length', String(body.length)],
    })
    const ms = name === 'replay' ? REPLAY_MS : CALL_MS
    const late = setTimeout(() => asked.destroy(new Error('the relay is silent')), ms)
    try {
      asked.end(body)
      return await readAnswer(asked)
    } finally {
      clearTimeout(late)
    }
  }
}

async function readAnswer(asked: ClientRequest): Promise<unknown> {
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer of the relay is too long')
    chunks.push(chunk)
  }
  const { statusCode } = answer
  if (statusCode === 401)
    throw new Error('the relay does not accept the token of this control plane')
  const { result, failure } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as {
    result?: unknown
    failure?: string
  }
  if (statusCode === 200) return result
  throw new Error(`the relay has failed: ${failure ?? `it answered ${statusCode}`}`)
}
