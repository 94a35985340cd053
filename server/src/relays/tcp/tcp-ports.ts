import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '#kernel/log.ts'
import type { PortReport } from '../control.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'

export interface TcpPortsOptions {
  host: string
  log: Logger
  relayId: string
  /** Takes which ports cannot be opened and why, and which are open after all. */
  report(reports: readonly PortReport[]): Promise<void>
  onConnection(served: ServedTunnel, socket: Socket): void
}

const PROBE_AFTER_MS = 30_000
/** A port that somebody else has, such as another relay of this machine, may become free. */
const TRY_AGAIN_MS = 5_000
const TOLD_AT_ONCE = 500

interface OpenPort {
  server: Server
  served: ServedTunnel
  failedMs: number | undefined
  /** Why it is not open. */
  error: string | undefined
  /** What the control plane knows of that. */
  told: string | undefined
  toldMs: number
}

/** The ports of TCP tunnels that this relay has a link of. */
export class TcpPorts implements AsyncDisposable {
  readonly #options: TcpPortsOptions
  readonly #open = new Map<number, OpenPort>()
  #isTelling = false

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

  /** Called once in a second: tries those again that somebody else had, and tells of them. */
  look(): void {
    for (const [port, { served, error }] of this.#open) {
      if (error !== undefined) this.#keepOne(port, served)
    }
    void this.#tell()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keep([])
  }

  #keepOne(port: number, served: ServedTunnel): void {
    const known = this.#open.get(port)
    if (known?.failedMs === undefined ? known : performance.now() - known.failedMs < TRY_AGAIN_MS)
      return
    const { host, log, relayId, onConnection } = this.#options
    const server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
      },
      (socket) => onConnection(served, socket),
    )
    const opened: OpenPort = {
      ...{ server, served, failedMs: undefined },
      ...{ error: known?.error, told: known?.told, toldMs: known?.toldMs ?? -Infinity },
    }
    this.#open.set(port, opened)
    server.on('listening', () => {
      opened.error = undefined
      if (known) log.info({ port, tunnel: served.spec.id }, 'a port is open after all')
      void this.#tell()
    })
    server.on('error', (error: NodeJS.ErrnoException) => {
      // One that listens goes on: a connection could not be taken.
      if (server.listening) return log.warn({ err: error, port }, 'a connection was not taken')
      // Told once, and not at each try.
      if (known === undefined)
        log.warn({ err: error, port, tunnel: served.spec.id }, 'a port cannot be opened')
      opened.failedMs = performance.now()
      opened.error = whyClosed(error, port, relayId)
      void this.#tell()
    })
    server.listen({ host, port })
  }

  /** What the control plane does not know yet; what cannot be opened is told again, since links may have come and gone. */
  async #tell(): Promise<void> {
    const nowMs = performance.now()
    const isDue = ({ error, told, toldMs }: OpenPort) =>
      error !== told || (error !== undefined && nowMs - toldMs >= TRY_AGAIN_MS)
    const due = [...this.#open.values()].filter(isDue).slice(0, TOLD_AT_ONCE)
    if (due.length === 0 || this.#isTelling) return
    this.#isTelling = true
    const states = due.map((port) => ({ port, error: port.error }))
    try {
      await this.#options.report(
        states.map(({ port: { served }, error }) => {
          return { tunnelId: served.spec.id, ...(error !== undefined && { error }) }
        }),
      )
      for (const { port, error } of states) Object.assign(port, { told: error, toldMs: nowMs })
    } catch (error) {
      this.#options.log.warn({ err: error }, 'ports that cannot be opened could not be told')
    } finally {
      this.#isTelling = false
    }
  }
}

function whyClosed({ code, message }: NodeJS.ErrnoException, port: number, relayId: string) {
  const where = `Port ${port} cannot be opened on the relay ${relayId}`
  if (code === 'EADDRINUSE') {
    return `${where}: another program has it. End that program, or delete the tunnel and create it again: it then gets another port.`
  }
  if (code === 'EACCES') {
    return `${where}: its process may not. Let TUNNEL_PORTS begin above 1023, and create the tunnel again.`
  }
  return `${where}: ${message}. It is tried again.`
}
