import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** What happens to a call instead of the usual. */
export type Fault =
  | { code: string; status: number }
  /** Forwarded, but the connection ends without the answer. */
  | 'lost'
  /** Never answered. */
  | 'hangs'

/** Stands before an EC2 emulator, and does what it cannot: refuse, be slow, lose answers, and honour client tokens. */
export class FaultProxy implements AsyncDisposable {
  readonly url: string
  /** Every call, in order. */
  readonly calls: URLSearchParams[] = []
  /** Machines are shown as still booting. */
  areSlow = false
  readonly #server: Server
  readonly #target: string
  readonly #faults: {
    action: string
    fault: Fault
    applies: (call: URLSearchParams, region: string) => boolean
  }[] = []
  readonly #made = new Map<string, Promise<{ status: number; body: string }>>()

  private constructor(server: Server, target: string) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server
    this.#target = target
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  static async open(target: string): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, target)
  }

  /** The next so many calls of this action, among those that it applies to, meet the fault. */
  fail(
    action: string,
    fault: Fault,
    times = 1,
    applies = (_call: URLSearchParams, _region: string) => true,
  ): void {
    for (let n = 0; n < times; n++) this.#faults.push({ action, fault, applies })
  }

  /** Nothing more goes wrong. */
  heal(): void {
    this.#faults.length = 0
  }

  callsOf(action: string): URLSearchParams[] {
    return this.calls.filter((call) => call.get('Action') === action)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const call = new URLSearchParams(body)
    this.calls.push(call)
    const fault = this.#faultOf(call, regionOf(request))
    if (fault === 'hangs') return
    if (typeof fault === 'object') return void response.writeHead(fault.status).end(xml(fault.code))
    const answer = await this.#once(call, request, body)
    if (fault === 'lost') return void response.destroy()
    response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(this.#shown(answer.body))
  }

  #faultOf(call: URLSearchParams, region: string): Fault | undefined {
    const index = this.#faults.findIndex(
      ({ action, applies }) => action === call.get('Action') && applies(call, region),
    )
    return index < 0 ? undefined : this.#faults.splice(index, 1)[0]!.fault
  }

  /** A launch with a token that has been seen is the launch of before. */
  #once(call: URLSearchParams, request: IncomingMessage, body: string) {
    const token = call.get('Action') === 'RunInstances' ? call.get('ClientToken') : null
    const answer = (token && this.#made.get(token)) || this.#forward(request, body)
    if (token) this.#made.set(token, answer)
    return answer
  }

  async #forward({ method, url, headers }: IncomingMessage, body: string) {
    const passed = Object.entries(headers).filter(
      ([name]) => !/^(host|content-length|connection|expect)$/.test(name),
    )
    const answer = await fetch(this.#target + url, {
      method,
      body,
      headers: Object.fromEntries(passed) as Record<string, string>,
      signal: AbortSignal.timeout(60_000),
    })
    return { status: answer.status, body: await answer.text() }
  }

  #shown(body: string): string {
    if (!this.areSlow) return body
    return body.replaceAll(
      /<code>16<\/code>\s*<name>running<\/name>/g,
      '<code>0</code><name>pending</name>',
    )
  }
}

/** To which region the call is signed. */
function regionOf({ headers }: IncomingMessage): string {
  return /Credential=[^/]+\/\d+\/([\w-]+)\//.exec(headers.authorization ?? '')?.[1] ?? ''
}

function xml(code: string): string {
  return `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>The proxy says so.</Message></Error></Errors><RequestID>r-1</RequestID></Response>`
}
