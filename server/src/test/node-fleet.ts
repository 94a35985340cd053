import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually, freePort } from '#kernel/test-support.ts'
import { Cable } from './cable.ts'
import { ServerHome, type ServerProcess } from './process.ts'

const GANTRY = join(import.meta.dirname, '../../../cli/bin/gantry.mjs')
const ROOT = { email: 'root@example.test', password: 'plum-harbour-quiet-lantern-93' }

// A test knows what it asked for.
// oxlint-disable-next-line typescript/no-explicit-any
export type Body = any

export interface Answer {
  status: number
  headers: Headers
  body: Body
}

/** A control plane without browsers, and nodes that join it: each a process over a data directory of its own. */
export class NodeFleet implements AsyncDisposable {
  readonly home: ServerHome
  readonly #env: Record<string, string>
  readonly #stack = new AsyncDisposableStack()
  api!: ServerProcess
  token = ''

  static async open(env: Record<string, string> = {}, roles = 'api,worker'): Promise<NodeFleet> {
    const fleet = new NodeFleet(await ServerHome.make(), {
      ...env,
      ...{ ROLES: roles, PORT: String(await freePort()) },
    })
    const args = [GANTRY, 'admin', 'create', '--email', ROOT.email, '--password', ROOT.password]
    const around = { PATH: process.env.PATH, HOME: process.env.HOME, GANTRY_HOME: fleet.home.path }
    await promisify(execFile)(process.execPath, args, { env: around, timeout: 120_000 })
    await fleet.start()
    fleet.token = (await fleet.post('/auth/login', ROOT)).body.accessToken
    return fleet
  }

  private constructor(home: ServerHome, env: Record<string, string>) {
    this.home = this.#stack.use(home)
    this.#env = env
  }

  /** Starts the control plane, or starts it again as it was. */
  async start(): Promise<void> {
    await this.api?.ended
    this.api = await this.home.start(this.#env)
    await this.api.ready()
  }

  /** A node that has joined, behind a network of its own. */
  async join(env: Record<string, string> = {}): Promise<TestNode> {
    const { body: made } = await this.post('/fleet/join-tokens', { name: 'test' })
    const port = await freePort()
    const cable = this.#stack.use(await Cable.to(() => port))
    const node = new TestNode(this.#stack.use(await ServerHome.make()), cable, {
      ...{ ROLES: 'node', CONTROL_PLANE_URL: this.api.url, JOIN_TOKEN: made.token },
      ...{ NODE_PORT: String(port), ADVERTISE_URL: `https://127.0.0.1:${cable.port}` },
      ...{ WARM_BROWSERS: '0', MAX_SESSIONS: '6', ...env },
    })
    this.#stack.defer(async () => node.process?.[Symbol.asyncDispose]())
    await node.start()
    return node
  }

  post(path: string, body: unknown = {}, headers = {}): Promise<Answer> {
    return this.call('POST', path, body, headers)
  }

  async get(path: string): Promise<Body> {
    return (await this.call('GET', path)).body
  }

  async call(method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
    const response = await fetch(`${this.api.url}/api/v1${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(100_000),
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const parsed = isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : bytes
    return { status: response.status, headers: response.headers, body: parsed }
  }

  /** A session that runs. */
  async session(wanted = {}): Promise<Body> {
    const { status, body } = await this.post('/sessions', wanted)
    if (status >= 300) throw new Error(`no session: ${JSON.stringify(body)}`)
    return body
  }

  /** The session once it is so, as its row says. */
  until(id: string, what: string, holds: (session: Body) => boolean, ms = 60_000): Promise<Body> {
    const look = async () => {
      const session = await this.get(`/sessions/${id}`)
      return holds(session) && session
    }
    return eventually(what, look, ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]()
    await this.#stack.disposeAsync()
  }
}

export class TestNode {
  readonly home: ServerHome
  /** Between the control plane and the node; not the other way. */
  readonly cable: Cable
  readonly #env: Record<string, string>
  process: ServerProcess | undefined

  constructor(home: ServerHome, cable: Cable, env: Record<string, string>) {
    this.home = home
    this.cable = cable
    this.#env = env
  }

  /** Its own address, past the cable. */
  get url(): string {
    return `https://127.0.0.1:${this.#env.NODE_PORT}`
  }

  async start(): Promise<void> {
    await this.process?.ended
    this.process = await this.home.start(this.#env)
    await this.process.ready()
  }

  /** Processes of its browsers. */
  browsers(): number[] {
    return this.home.processes().map(({ pid }) => pid)
  }
}
