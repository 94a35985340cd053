import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createClient, type Gantry } from '../index.ts'
import type { JoinedRun, KnownTunnel, NewTunnel } from './control-plane.ts'
import type { WelcomedTunnel } from './link-protocol.ts'
import { writeTicket } from './test-relay.ts'

interface PlannedTunnel extends KnownTunnel {
  config: Record<string, unknown>
  endpoints: (WelcomedTunnel['endpoints'][number] & { agent: string })[]
  epochs: Map<string, { epoch: number; runId: string }>
}

interface WrongMember {
  path: string
  message: string
}

class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly errors: WrongMember[] | undefined

  constructor(status: number, code: string, detail = code, errors?: WrongMember[]) {
    super(detail)
    this.status = status
    this.code = code
    this.errors = errors
  }
}

/** The least of the API that agents need, in memory. */
export class TestPlane implements AsyncDisposable {
  readonly tunnels = new Map<string, PlannedTunnel>()
  readonly joins: JoinedRun[] = []
  /** What requests were authorised by. */
  readonly keys: (string | undefined)[] = []
  /** Told to agents, the best first. */
  relays: { id: string; url: string }[] = []
  /** What the next requests are refused with. */
  refuse: { status: number; code: string; errors?: WrongMember[] } | undefined
  /** Of all endpoints. */
  healthCheck: unknown
  /** Endpoints of every tunnel beside its own. */
  extra: PlannedTunnel['endpoints'] = []
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  #ids = 0

  static async start(relays: { id: string; url: string }[] = []): Promise<TestPlane> {
    const plane = new TestPlane()
    plane.relays = relays.map(({ id, url }) => ({ id, url }))
    plane.#server.listen(0, '127.0.0.1')
    await once(plane.#server, 'listening')
    return plane
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get client(): Gantry {
    return createClient({ url: this.url, accessToken: 'key' })
  }

  named(name: string): PlannedTunnel {
    return [...this.tunnels.values()].find((tunnel) => tunnel.name === name)!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#serve(request).catch((error: Error) => {
      const { status = 500, code = 'test.broken', errors } = error as Partial<Refusal>
      return { status, body: { code, status, detail: error.message, errors } }
    })
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  async #serve(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const body: unknown = request.method === 'GET' ? {} : await json(request)
    this.keys.push(request.headers.authorization)
    if (this.refuse) {
      const { status, code, errors } = this.refuse
      throw new Refusal(status, code, code, errors)
    }
    const { pathname, searchParams } = new URL(request.url!, this.url)
    const [, , , noun, id, , endpointId] = pathname.split('/')
    if (noun === 'users') return { status: 200, body: { email: 'ann@example.test' } }
    if (noun === 'tunnel-agents') return { status: 200, body: this.#join(body as JoinedRun) }
    if (!id && request.method === 'GET') return { status: 200, body: this.#list(searchParams) }
    if (!id) return { status: 201, body: this.#create(body as NewTunnel) }
    const tunnel = this.#get(id)
    const change = body as { config?: object; url?: string; agent?: string }
    if (endpointId) tunnel.endpoints.find((one) => one.id === endpointId)!.url = change.url!
    else if (request.method === 'POST') this.#addEndpoint(tunnel, change as never)
    else Object.assign(tunnel.config, change.config)
    return { status: 200, body: tunnel }
  }

  #list(query: URLSearchParams): unknown {
    const wanted = query.get('name')
    const items = [...this.tunnels.values()].filter(({ name }) => !wanted || name === wanted)
    return { items, nextCursor: null }
  }

  #get(id: string): PlannedTunnel {
    const tunnel = this.tunnels.get(id)
    if (!tunnel) throw new Refusal(404, 'tunnel.not_found', `There is no tunnel ${id}.`)
    return tunnel
  }

  #create({ name = 'made-up', kind, config, endpoints }: NewTunnel): PlannedTunnel {
    if (name === 'taken') throw new Refusal(409, 'tunnel.name_taken')
    const id = `tun_${++this.#ids}`
    const url = `http://${name}.localhost:1`
    const tunnel: PlannedTunnel = {
      ...{ id, name, kind, url, status: 'created', started: true, links: 0 },
      ...{ config: { ...config }, endpoints: [], epochs: new Map() },
    }
    for (const endpoint of endpoints) this.#addEndpoint(tunnel, endpoint)
    this.tunnels.set(id, tunnel)
    return tunnel
  }

  #addEndpoint({ endpoints }: PlannedTunnel, { url, agent }: { url: string; agent: string }): void {
    endpoints.push({ id: `tep_${++this.#ids}`, url, agent })
  }

  #join(run: JoinedRun): unknown {
    this.joins.push(run)
    const runId = run.runId ?? `tar_${++this.#ids}`
    const held = run.tunnels.map((id) => this.#hold(this.#get(id), run.label, runId, !run.runId))
    const tunnels = held.flatMap((one) => ('code' in one ? [] : [one]))
    const refused = held.flatMap((one) => ('code' in one ? [one] : []))
    return { runId, ticket: writeTicket({ runId, tunnels }), relays: this.relays, tunnels, refused }
  }

  #hold(
    { id, name, url, endpoints, epochs, started }: PlannedTunnel,
    label: string,
    runId: string,
    isNew: boolean,
  ) {
    const holder = epochs.get(label)
    const refused = (code: string) => ({ tunnelId: id, code, detail: code })
    if (!started) return refused('tunnel.stopped')
    if (!isNew && holder && holder.runId !== runId) return refused('tunnel.taken_over')
    const epoch = (holder?.epoch ?? 0) + (isNew ? 1 : 0)
    epochs.set(label, { epoch, runId })
    const own = [...endpoints, ...this.extra].filter(({ agent }) => agent === label)
    const { healthCheck } = this
    return { id, name, url, epoch, endpoints: own.map((one) => ({ healthCheck, ...one })) }
  }
}
