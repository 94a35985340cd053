import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Sent {
  method: string
  /** As it goes over the wire: nothing tidies it up. */
  path: string
  headers?: Record<string, string>
  body?: string | Buffer
}

export interface Got {
  status: number
  headers: IncomingHttpHeaders
  /** Of a problem; empty for anything else. */
  code: string
  text: string
}

/** Sends requests over a few connections that stay open. */
export class Wire {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6 })
  readonly #url: URL

  constructor(url: string) {
    this.#url = new URL(url)
  }

  send({ method, path, headers = {}, body }: Sent): Promise<Got> {
    const { promise, resolve, reject } = Promise.withResolvers<Got>()
    const { hostname, port } = this.#url
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request(
      {
        ...{ hostname, port, path, method, agent: this.#agent, timeout: 20_000 },
        headers: { ...type, ...length, ...headers },
      },
      (answer) => {
        const { statusCode: status = 0, headers } = answer
        text(answer).then(
          (text) => resolve({ status, headers, code: codeIn(text, headers), text }),
          reject,
        )
      },
    )
    sent.once('error', reject)
    sent.end(body)
    return promise
  }

  close(): void {
    this.#agent.destroy()
  }
}

function codeIn(text: string, headers: IncomingHttpHeaders): string {
  return headers['content-type']?.startsWith('application/problem+json')
    ? JSON.parse(text).code
    : ''
}

/** Runs the work on each, a few at once. */
export async function each<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: 6 }, worker))
}
