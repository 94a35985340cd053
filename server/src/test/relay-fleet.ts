import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '#kernel/test-support.ts'
import { createClient } from '../../../sdk/src/index.ts'
import { TunnelAgent } from '../../../sdk/src/tunnels/index.ts'
import { type Body, NodeFleet } from './node-fleet.ts'
import { ServerHome, type ServerProcess } from './process.ts'

/** What relays are there, it is to hear of its relay. */
const LOOKS_NEVER = { lookFirstMs: 3_600_000, lookAgainMs: 3_600_000 }

/** A control plane and relays that join it: each a process over a data directory of its own. */
export class RelayFleet implements AsyncDisposable {
  readonly plane: NodeFleet
  readonly #stack = new AsyncDisposableStack()

  static async open(env: Record<string, string> = {}, roles = 'api,worker'): Promise<RelayFleet> {
    return new RelayFleet(await NodeFleet.open(env, roles))
  }

  private constructor(plane: NodeFleet) {
    this.plane = this.#stack.use(plane)
  }

  async join(env: Record<string, string> = {}): Promise<TestRelay> {
    const { body: made } = await this.plane.post('/fleet/join-tokens', { name: 'test' })
    const port = await freePort()
    const relay = new TestRelay(this.#stack.use(await ServerHome.make()), port, {
      ...{ ROLES: 'relay', CONTROL_PLANE_URL: this.plane.api.url, JOIN_TOKEN: made.token },
      ...{ RELAY_PORT: String(port), RELAY_INTERNAL_PORT: '0', ...env },
    })
    this.#stack.defer(async () => relay.process?.[Symbol.asyncDispose]())
    await relay.start()
    const { items } = await this.plane.get('/relays')
    relay.id = items.find(({ url }: Body) => url?.endsWith(`:${port}`)).id
    return relay
  }

  /** An agent in this process that holds a tunnel to `target`, and has a link to as many relays as there are, up to two. */
  async tunnel(name: string, target: number): Promise<TunnelAgent> {
    const gantry = createClient({ url: this.plane.api.url, accessToken: this.plane.token })
    const options = { tunnels: [{ kind: 'http' as const, target, name }], env: {} }
    const agent = new TunnelAgent(gantry, options, LOOKS_NEVER)
    this.#stack.defer(() => agent.leave())
    await agent.open()
    return agent
  }

  service(answer: (path: string) => string | Promise<string>): Promise<LocalService> {
    return LocalService.open(answer).then((service) => this.#stack.use(service))
  }

  relay(id: string): Promise<Body> {
    return this.plane.get(`/relays/${id}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

export class TestRelay {
  id = ''
  readonly home: ServerHome
  readonly port: number
  readonly #env: Record<string, string>
  process: ServerProcess | undefined

  constructor(home: ServerHome, port: number, env: Record<string, string>) {
    this.home = home
    this.port = port
    this.#env = env
  }

  async start(): Promise<void> {
    await this.process?.ended
    this.process = await this.home.start(this.#env)
    await this.process.ready()
  }
}

/** What somebody serves on their own machine. */
export class LocalService implements AsyncDisposable {
  readonly #server: Server
  readonly asked: string[] = []

  static async open(answer: (path: string) => string | Promise<string>): Promise<LocalService> {
    const service = new LocalService(answer)
    service.#server.listen(0, '127.0.0.1')
    await once(service.#server, 'listening')
    return service
  }

  private constructor(answer: (path: string) => string | Promise<string>) {
    this.#server = createServer((request, response) => {
      this.asked.push(`${request.method} ${request.url}`)
      void Promise.resolve(answer(request.url ?? '/')).then((body) => response.end(body))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** What a visitor of a tunnel gets at this port, each over a connection of its own. Status 0 when there is no answer. */
export async function visit(
  port: number,
  name: string,
  path = '/',
  method = 'GET',
): Promise<{ status: number; text: string }> {
  try {
    const asked = request({
      ...{ host: '127.0.0.1', port, path, method, agent: false },
      headers: { host: `${name}.localhost` },
      signal: AbortSignal.timeout(30_000),
    })
    asked.end()
    const [answer] = await once(asked, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    return { status: answer.statusCode, text: Buffer.concat(chunks).toString() }
  } catch (error) {
    return { status: 0, text: String(error) }
  }
}
