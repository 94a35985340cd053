import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '#kernel/log.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'

export interface TcpPortsOptions {
  host: string
  log: Logger
  onConnection(served: ServedTunnel, socket: Socket): void
}

const PROBE_AFTER_MS = 30_000
/** A port that somebody else has, such as another relay of this machine, may become free. */
const TRY_AGAIN_MS = 5_000

interface OpenPort {
  server: Server
  served: ServedTunnel
  failedMs: number | undefined
}

/** The ports of TCP tunnels that this relay has a link of. */
export class TcpPorts implements AsyncDisposable {
  readonly #options: TcpPortsOptions
  readonly #open = new Map<number, OpenPort>()

  constructor(options: TcpPortsOptions) {
    this.#options = options
  }

  /** Those that listen. */
  get ports(): number[] {
    return [...this.#open].filter(([, { server }]) => server.listening).map(([port]) => port)
  }

  /** Opens what is missing, and closes what is not wanted any more. Connections that are open stay. */
  keep(wanted: Iterable<ServedTunnel>): void {
    const byPort = new Map<number, ServedTunnel>()
    for (const served of wanted)
      if (served.spec.port !== undefined) byPort.set(served.spec.port, served)
    for (const [port, { server, served }] of this.#open) {
      if (byPort.get(port) === served) continue
      server.close()
      this.#open.delete(port)
    }
    for (const [port, served] of byPort) this.#keepOne(port, served)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keep([])
  }

  #keepOne(port: number, served: ServedTunnel): void {
    const known = this.#open.get(port)
    if (known?.failedMs === undefined ? known : performance.now() - known.failedMs < TRY_AGAIN_MS)
      return
    const { host, log, onConnection } = this.#options
    const server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
      },
      (socket) => onConnection(served, socket),
    )
    const opened: OpenPort = { server, served, failedMs: undefined }
    this.#open.set(port, opened)
    server.on('error', (error) => {
      // Told once, and not at each try.
      if (known === undefined)
        log.warn({ err: error, port, tunnel: served.spec.id }, 'a port cannot be opened')
      opened.failedMs = performance.now()
    })
    server.listen({ host, port })
  }
}
