import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '#kernel/log.ts'

export interface TcpPortsOptions {
  host: string
  log: Logger
  onConnection(port: number, socket: Socket): void
}

const PROBE_AFTER_MS = 30_000
/** A port that another program has may become free. */
const TRY_AGAIN_MS = 5_000

interface OpenPort {
  server: Server
  failedMs: number | undefined
}

/** The ports of TCP tunnels. Relays of one machine share each of them: the system gives every connection to one of them. */
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
  keep(wanted: readonly number[]): void {
    const kept = new Set(wanted)
    for (const [port, { server }] of this.#open) {
      if (kept.has(port)) continue
      server.close()
      this.#open.delete(port)
    }
    for (const port of kept) if (!this.#open.has(port)) this.#listen(port, false)
  }

  /** Tries again what could not be opened. */
  look(nowMs: number): void {
    for (const [port, { failedMs }] of this.#open) {
      if (failedMs !== undefined && nowMs - failedMs > TRY_AGAIN_MS) this.#listen(port, true)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keep([])
  }

  #listen(port: number, isAgain: boolean): void {
    const { host, log, onConnection } = this.#options
    const server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
      },
      (socket) => onConnection(port, socket),
    )
    const opened: OpenPort = { server, failedMs: undefined }
    this.#open.set(port, opened)
    server.on('error', (error) => {
      // Told once, and not at each try.
      if (!isAgain) log.warn({ err: error, port }, 'a port cannot be opened')
      opened.failedMs = performance.now()
    })
    if (isAgain) server.once('listening', () => log.info({ port }, 'a port is open after all'))
    server.listen({ host, port, reusePort: REUSES_PORTS })
  }
}

/** Elsewhere a second relay of the machine cannot have the port, and tries again. */
const REUSES_PORTS = process.platform === 'linux'
