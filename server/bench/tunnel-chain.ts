// The processes of tunnel.bench.ts: the service, Gantry's relay and agent before it, and what they are measured beside.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENVIRONMENT, FLAGS } from '../../scripts/lib/lean.mjs'
import { makeCertificate } from '#test/certificate.ts'
import type { Part } from './tunnel-process.ts'
import type { Opener } from './tunnel-peers.ts'
import type { Way } from './tunnel-requests.ts'

const GANTRY = join(import.meta.dirname, '../../cli/bin/gantry.mjs')

interface Started {
  pid: number
  told: Record<string, unknown>
}

export interface OpenTunnel extends Way {
  relay: number
  agent: number
}

/** All end with the stack that it is made of. */
export class Chain {
  readonly servicePort: number
  readonly direct: Way
  readonly #stack: AsyncDisposableStack
  readonly #certificate: { cert: string; key: string }

  static async open(stack: AsyncDisposableStack): Promise<Chain> {
    const certificate = await makeCertificate(['localhost', '127.0.0.1'])
    const service = await start(stack, { role: 'service' })
    return new Chain(stack, certificate, service)
  }

  private constructor(
    stack: AsyncDisposableStack,
    certificate: { cert: string; key: string },
    service: Started,
  ) {
    this.#stack = stack
    this.#certificate = certificate
    this.direct = wayOf(service)
    this.servicePort = this.direct.port
  }

  /** A relay and an agent, linked by TLS; with a round trip of twice `delayMs` between them. */
  async tunnel(delayMs = 0): Promise<OpenTunnel> {
    const { relay, port, linkPort, ticket } = await this.#relay()
    const to = await this.#delayed(linkPort, delayMs)
    const url = `https://127.0.0.1:${to}`
    const agent = await this.#start({ role: 'agent', url, ticket, ca: this.#certificate.cert })
    const pids = [relay, agent.pid]
    return { port, pids: () => pids, relay, agent: agent.pid }
  }

  /** The least that a reverse proxy of Node can be: one hop, no TLS. */
  async bareProxy(): Promise<Way & { pid: number }> {
    const proxy = await this.#start({ role: 'proxy' })
    return { ...wayOf(proxy), pid: proxy.pid }
  }

  /** As many hops as a tunnel and TLS between them, and bytes that nobody looks at. */
  async barePipe(delayMs = 0): Promise<Way> {
    const far = await this.#start({ role: 'far pipe', ...this.#certificate })
    const to = await this.#delayed(Number(far.told.port), delayMs)
    const near = await this.#start({ role: 'near pipe', to, ca: this.#certificate.cert })
    return { port: Number(near.told.port), pids: () => [near.pid, far.pid] }
  }

  /** The command as it is used, beside an API that answers at once. */
  async command(): Promise<Opener> {
    const { port, linkPort, ticket } = await this.#relay()
    const relayUrl = `https://127.0.0.1:${linkPort}`
    const plane = await this.#start({ role: 'plane', relayUrl, ticket })
    const folder = await mkdtemp(join(tmpdir(), 'gantry-bench-tunnel-'))
    this.#stack.defer(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'ca.pem'), this.#certificate.cert)
    const args = [GANTRY, 'tunnel', 'http', `127.0.0.1:${this.servicePort}`, '--name', 'shop']
    const env = {
      ...{ PATH: process.env.PATH, XDG_CONFIG_HOME: folder, GANTRY_API_KEY: 'key' },
      ...{ GANTRY_URL: `http://127.0.0.1:${Number(plane.told.port)}` },
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
    }
    const begin = () => {
      const agent = spawn(process.execPath, args, { env, stdio: 'ignore' })
      this.#stack.defer(() => void agent.kill('SIGKILL'))
      return agent
    }
    return { port, begin, pids: () => [] }
  }

  async #relay() {
    const relay = await this.#start({ role: 'relay', ...this.#certificate })
    const { port, linkPort, ticket } = relay.told
    return {
      ...{ relay: relay.pid, port: Number(port), linkPort: Number(linkPort) },
      ticket: String(ticket),
    }
  }

  async #delayed(port: number, ms: number): Promise<number> {
    if (ms === 0) return port
    return Number((await this.#start({ role: 'delay', to: port, ms })).told.port)
  }

  #start(part: PartOfChain): Promise<Started> {
    return start(this.#stack, { servicePort: this.servicePort, ...part } as Part)
  }
}

type WithoutService<One> = One extends unknown ? Omit<One, 'servicePort'> : never
type PartOfChain = WithoutService<Part>

const wayOf = ({ pid, told }: Started): Way => ({ port: Number(told.port), pids: () => [pid] })

async function start(stack: AsyncDisposableStack, part: Part): Promise<Started> {
  const script = join(import.meta.dirname, 'tunnel-process.ts')
  // A relay runs as the product begins itself.
  const isRelay = part.role === 'relay'
  const child: ChildProcess = spawn(process.execPath, [...(isRelay ? FLAGS : []), script], {
    env: {
      ...{ PATH: process.env.PATH, PART: JSON.stringify(part) },
      ...(isRelay && ENVIRONMENT),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stack.defer(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the ${part.role} ended with ${code}`)
  })
  ended.catch(() => {})
  const [line] = (await Promise.race([once(child.stdout!, 'data'), ended])) as [Buffer]
  return { pid: child.pid!, told: JSON.parse(String(line)) as Record<string, unknown> }
}
