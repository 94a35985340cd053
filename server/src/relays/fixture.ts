import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { systemClock } from '#kernel/clock.ts'
import { listener } from '#kernel/http/listener.ts'
import { openIds } from '#kernel/ids.ts'
import { openLog } from '#kernel/log.ts'
import { Problem } from '#kernel/problem.ts'
import { SocketDispatcher } from '#kernel/sockets.ts'
import { temporaryPath } from '#kernel/test-support.ts'
import type { EndpointSpec, TunnelConfig, TunnelSpec } from '#tunnels/index.ts'
import { Link } from '../../../sdk/src/tunnels/link.ts'
import { parseAddress } from '../../../sdk/src/tunnels/address.ts'
import { Reach } from '../../../sdk/src/tunnels/reach.ts'
import { TIMING } from '../../../sdk/src/tunnels/timing.ts'
import type {
  Found,
  HealthReport,
  NewLink,
  News,
  OpenedLink,
  Peer,
  PortReport,
  RelayConfig,
  RelayControl,
  UsageEntry,
} from './control.ts'
import type { RelayMessage } from './link-protocol.ts'
import type { RelayOptions } from './relay-options.ts'
import { Relay } from './relay.ts'

const CONFIG: TunnelConfig = {
  ...{ maxConnections: 10_000, timeoutSeconds: 60, idleTimeoutSeconds: 600, compression: false },
  ...{ queueSeconds: 0, hostHeader: 'preserve', inspector: { enabled: false, bodyBytes: 0 } },
  requestHeaders: { set: {}, remove: [] },
  responseHeaders: { set: {}, remove: [] },
}

export type TunnelChange = Partial<
  Omit<TunnelSpec, 'config' | 'access' | 'endpoints' | 'id' | 'revision'>
> & {
  config?: Partial<TunnelConfig>
  access?: Partial<TunnelSpec['access']>
  endpoints?: readonly EndpointSpec[]
}

/** A control plane in memory. Its tickets are JSON: whoever writes one may open the link. */
export class TestControl implements RelayControl {
  readonly specs = new Map<string, TunnelSpec>()
  readonly open = new Map<string, NewLink & OpenedLink>()
  readonly health: HealthReport[] = []
  readonly usage = new Map<string, UsageEntry>()
  /** By tunnel, why its port is not open. */
  readonly ports = new Map<string, string | undefined>()
  peers: Peer[] = []
  /** Relays that agents may dial; `wake` tells of it. */
  dialable: string[] = []
  config: RelayConfig = { maxConnections: 20_000, maxLinks: 20_000 }
  drain = false
  /** What every call fails with. */
  broken: Error | undefined
  found = 0
  readonly #changed = new Map<string, number>()
  #revision = 0
  #toldPorts = ''
  #portsAt = 0
  #wake = Promise.withResolvers<void>()

  add(name: string, ports: readonly number[], change: TunnelChange = {}): TunnelSpec {
    const id = `tun_${name}`
    const scheme = change.kind === 'tcp' ? 'tcp' : 'http'
    const endpoints = ports.map((port, i) => ({
      ...{ id: `tep_${name}_${i}`, url: `${scheme}://127.0.0.1:${port}`, agent: 'default' },
      ...{ priority: 0, weight: 1 },
    }))
    const spec: TunnelSpec = {
      ...{ id, accountId: 'acc_test', name, kind: 'http', hostnames: [`${name}.localhost`] },
      ...{ started: true, revision: 0, holders: {}, endpoints, config: CONFIG },
      access: {
        ...{ policy: 'public', addresses: [], generation: 1, grants: [] },
        ...{ cookieKey: 'c'.repeat(43), visitUrl: `http://127.0.0.1/v1/tunnels/${id}/visit` },
      },
    }
    this.specs.set(id, spec)
    return this.change(id, change)
  }

  change(id: string, { config, access, ...change }: TunnelChange): TunnelSpec {
    const known = this.specs.get(id)!
    const spec: TunnelSpec = {
      ...known,
      ...change,
      config: { ...known.config, ...config },
      access: { ...known.access, ...access },
      revision: ++this.#revision,
    }
    this.specs.set(id, spec)
    this.#tell(id)
    return spec
  }

  remove(id: string): void {
    this.specs.delete(id)
    this.#revision++
    this.#tell(id)
  }

  /** A new run of an agent takes the tunnel: what holds it before is fenced. Gives the ticket. */
  hold(tunnelIds: readonly string[], label = 'default'): string {
    const runId = `tar_${++this.#revision}`
    for (const id of tunnelIds) {
      const { holders } = this.specs.get(id)!
      this.change(id, { holders: { ...holders, [label]: (holders[label] ?? 0) + 1 } })
    }
    const epochs = tunnelIds.map((id) => [id, this.specs.get(id)!.holders[label]])
    return Buffer.from(JSON.stringify({ runId, label, epochs })).toString('base64url')
  }

  async openLink(link: NewLink): Promise<OpenedLink> {
    if (this.broken) throw this.broken
    const { runId, label, epochs } = readTicket(link.ticket)
    const tunnels = epochs.flatMap(([id, epoch]) => {
      const spec = this.specs.get(id)
      return spec?.started ? { spec, epoch, url: urlOf(spec) } : []
    })
    const opened = { runId, label, tunnels, refused: [] }
    this.open.set(link.linkId, { ...link, ...opened })
    return opened
  }

  async closeLink(linkId: string): Promise<void> {
    if (this.broken) throw this.broken
    this.open.delete(linkId)
  }

  async find(
    wanted: { hostname: string } | { port: number } | { tunnelId: string },
  ): Promise<Found | undefined> {
    this.found++
    if (this.broken) throw this.broken
    const spec = [...this.specs.values()].find((each) => {
      if ('tunnelId' in wanted) return each.id === wanted.tunnelId
      return 'port' in wanted ? each.port === wanted.port : each.hostnames.includes(wanted.hostname)
    })
    return spec && { spec, url: urlOf(spec), relays: this.peers }
  }

  async watch({
    after,
    tunnelIds,
    signal,
  }: {
    after: string | undefined
    tunnelIds: readonly string[]
    signal: AbortSignal
  }): Promise<News> {
    const since = Number(after ?? 0)
    const isNews = () =>
      tunnelIds.some((id) => (this.#changed.get(id) ?? 0) > since) || this.#portsAt > since
    for (;;) {
      if (after === undefined || isNews()) break
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
      signal.throwIfAborted()
      await Promise.race([this.#wake.promise, aborted])
    }
    if (this.broken) throw this.broken
    const changed = tunnelIds.filter((id) => (this.#changed.get(id) ?? 0) > since)
    return {
      after: String(this.#revision),
      specs: changed.flatMap((id) => this.specs.get(id) ?? []),
      gone: changed.filter((id) => !this.specs.has(id)),
      ...{
        peers: this.peers,
        dialable: this.dialable,
        ports: this.#ports,
        peerToken: '',
        drain: this.drain,
        config: this.config,
      },
    }
  }

  async reportHealth(reports: readonly HealthReport[]): Promise<void> {
    // As the route of the API does.
    if (reports.length > 1_000) throw new Error('too many at once')
    this.health.push(...reports)
  }

  async reportPorts(reports: readonly PortReport[]): Promise<void> {
    if (this.broken) throw this.broken
    for (const { tunnelId, error } of reports) this.ports.set(tunnelId, error)
  }

  async reportUsage(journal: string, entries: readonly UsageEntry[]): Promise<{ upTo: number }> {
    if (this.broken) throw this.broken
    for (const entry of entries) this.usage.set(`${journal} ${entry.sequence}`, entry)
    return { upTo: Math.max(...entries.map(({ sequence }) => sequence)) }
  }

  /** All that was counted of a tunnel. */
  counted(
    tunnelId: string,
    what: 'requests' | 'failures' | 'bytesIn' | 'bytesOut' | 'connections',
  ) {
    const entries = [...this.usage.values()].filter((entry) => entry.tunnelId === tunnelId)
    return entries.reduce((sum, entry) => sum + entry[what], 0)
  }

  get #ports(): number[] {
    return [...this.specs.values()].flatMap(({ port }) => port ?? [])
  }

  #tell(id: string): void {
    this.#changed.set(id, this.#revision)
    const ports = this.#ports.join()
    if (ports !== this.#toldPorts) this.#portsAt = this.#revision
    this.#toldPorts = ports
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

interface Ticket {
  runId: string
  label: string
  epochs: [id: string, epoch: number][]
}

function readTicket(ticket: string): Ticket {
  try {
    return JSON.parse(Buffer.from(ticket, 'base64url').toString()) as Ticket
  } catch {
    throw new Problem({ code: 'tunnel.ticket_wrong', status: 401, title: 'No ticket' })
  }
}

const urlOf = ({ name }: TunnelSpec) => `http://${name}.localhost`

export interface TestRelay extends AsyncDisposable {
  readonly relay: Relay
  readonly control: TestControl
  readonly server: Server
  readonly port: number
  readonly url: string
}

/** A relay behind a port of its own, as the product opens it. */
export async function startRelay(
  control = new TestControl(),
  { tls, ...options }: Partial<RelayOptions> & { tls?: { cert: Buffer; key: Buffer } } = {},
): Promise<TestRelay> {
  const log = await openLog({ levels: { default: 'warn', byCategory: {} }, console: 'none' })
  const relay = await Relay.open({
    ...{ id: 'rel_test', control, domain: 'localhost', trustedProxies: [], host: '127.0.0.1' },
    isOwnHost: (hostname) => hostname === '127.0.0.1' || hostname === 'localhost',
    ...{ journalPath: temporaryPath(), keys: () => new Map(), config: control.config },
    ...{ clock: systemClock, newId: openIds(systemClock), log: log.root },
    ...options,
  })
  const server = listener(
    { hosts: relay.front, trustedProxies: [], ...(tls && { tls }) },
    (_request: unknown, response: { writeHead(status: number): { end(text: string): void } }) =>
      response.writeHead(200).end('the product'),
  )
  const sockets = new SocketDispatcher({
    ...{
      sockets: [],
      log: log.root,
      hosts: relay.front,
      authenticate: async () => ({ kind: 'anonymous' }),
    },
    contextFor: () => ({}) as never,
    ...{ allowsOrigin: () => true, allowsHost: () => true },
  })
  sockets.attach(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ relay, control, server, port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await sockets[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
      await log[Symbol.asyncDispose]()
    },
  }
}

export interface TestAgent extends AsyncDisposable {
  readonly link: Link
  readonly told: RelayMessage[]
}

/** An agent's link to a relay, which leads to whatever the tunnels' endpoints name. */
export async function startAgent(
  { control, url }: Pick<TestRelay, 'control' | 'url'>,
  tunnels: readonly TunnelSpec[],
  { label = 'default', ticket, ca }: { label?: string; ticket?: string; ca?: string } = {},
): Promise<TestAgent> {
  const ids = tunnels.map(({ id }) => id)
  const reach = new Reach()
  for (const { id, endpoints } of tunnels) {
    reach.allow(
      id,
      endpoints.map((endpoint) => parseAddress(endpoint.url.replace(/^\w+:\/\//, ''))),
    )
  }
  const told: RelayMessage[] = []
  const link = await Link.open({
    relay: { id: 'rel_test', url },
    dial: {
      ...{ ticket: ticket ?? control.hold(ids, label), version: 'test' },
      ...{ signal: new AbortController().signal, env: {}, ca },
    },
    ...{ runId: 'tar_test', timing: TIMING, reach, insecure: true, dialMs: 5_000 },
    onMessage: (message) => void told.push(message),
  })
  return {
    ...{ link, told },
    async [Symbol.asyncDispose]() {
      link.destroy()
      await link.closed
    },
  }
}

export interface TestService extends AsyncDisposable {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
}

export function serveHttp(answer: RequestListener): Promise<TestService> {
  return serve(createServer({ keepAliveTimeout: 60_000 }, answer))
}

export function serveTcp(answer: (socket: Socket) => void): Promise<TestService> {
  return serve(createTcpServer({ allowHalfOpen: true }, answer))
}

export async function serve(server: ReturnType<typeof createTcpServer>): Promise<TestService> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...{ port: (server.address() as AddressInfo).port, sockets },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Says something to a port as it is, and gives all that comes back until the other side hangs up. */
export async function speak(port: number, ...said: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  for (const part of said) socket.write(part, 'latin1')
  let heard = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (heard += text))
  await once(socket, 'close')
  return heard
}
