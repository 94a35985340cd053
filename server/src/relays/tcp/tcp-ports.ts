import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '#kernel/log.ts'
import type { PortReport } from '../control.ts'

export interface TcpPortsOptions {
  host: string
  log: Logger
  relayId: string
  /** The tunnel of a port, while this relay has links of it: what becomes of others is no news. */
  linkedAt(port: number): string | undefined
  /** Takes which ports cannot be opened and why, and which are open after all. */
  report(reports: readonly PortReport[]): Promise<void>
  onConnection(port: number, socket: Socket): void
}

const PROBE_AFTER_MS = 30_000
/** A port that another program has may become free. */
const TRY_AGAIN_MS = 5_000
const TOLD_AT_ONCE = 500
const MOST_NAMED = 5
/** Elsewhere a second relay of the machine cannot have the port, and tries again. */
const REUSES_PORTS = process.platform === 'linux'

interface OpenPort {
  server: Server
  failedMs: number | undefined
  /** Why it is not open, for whoever has the tunnel. */
  error: string | undefined
  /** The same in a word. */
  reason: string
  /** What the control plane knows of that. */
  told: string | undefined
  toldMs: number
}

/** The ports of TCP tunnels. Relays of one machine share each of them: the system gives every connection to one of them. */
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

  /** Those that cannot be opened: one line for each reason, empty when there are none. */
  get faults(): string[] {
    const failed = [...this.#open].filter(([, { error }]) => error !== undefined)
    const byReason = Map.groupBy(failed, ([, { reason }]) => reason)
    return [...byReason].map(
      ([reason, ports]) => `${named(ports.map(([port]) => port))}: ${reason}.`,
    )
  }

  /** Opens what is missing, and closes what is not wanted any more. Connections that are open stay. */
  keep(wanted: readonly number[]): void {
    const kept = new Set(wanted)
    for (const [port, { server }] of this.#open) {
      if (kept.has(port)) continue
      server.close()
      this.#open.delete(port)
    }
    for (const port of kept) if (!this.#open.has(port)) this.#listen(port)
  }

  /** Called once in a second: tries what could not be opened again, and tells of it. */
  look(nowMs: number): void {
    for (const [port, { failedMs }] of this.#open) {
      if (failedMs !== undefined && nowMs - failedMs > TRY_AGAIN_MS) this.#listen(port)
    }
    void this.#tell()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keep([])
  }

  #listen(port: number): void {
    const { host, log, relayId, onConnection } = this.#options
    const known = this.#open.get(port)
    const server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: PROBE_AFTER_MS,
      },
      (socket) => onConnection(port, socket),
    )
    const opened: OpenPort = {
      ...{ server, failedMs: undefined, error: known?.error, reason: known?.reason ?? '' },
      ...{ told: known?.told, toldMs: known?.toldMs ?? -Infinity },
    }
    this.#open.set(port, opened)
    server.on('listening', () => {
      opened.error = undefined
      if (known) log.info({ port }, 'a port is open after all')
      void this.#tell()
    })
    server.on('error', (error: NodeJS.ErrnoException) => {
      // One that listens goes on: a connection could not be taken.
      if (server.listening) return log.warn({ err: error, port }, 'a connection was not taken')
      // Told once, and not at each try.
      if (!known) log.warn({ err: error, port }, 'a port cannot be opened')
      opened.failedMs = performance.now()
      opened.error = whyClosed(error, port, relayId)
      opened.reason = reasonOf(error)
      void this.#tell()
    })
    server.listen({ host, port, reusePort: REUSES_PORTS })
  }

  /** What the control plane does not know yet; what cannot be opened is told again, since links may have come and gone. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return
    const nowMs = performance.now()
    const due = this.#due(nowMs)
    if (due.length === 0) return
    this.#isTelling = true
    try {
      await this.#options.report(due.map(({ tunnelId, error }) => ({ tunnelId, error })))
      for (const { port, error } of due) Object.assign(port, { told: error, toldMs: nowMs })
    } catch (error) {
      this.#options.log.warn({ err: error }, 'ports that cannot be opened could not be told')
    } finally {
      this.#isTelling = false
    }
  }

  #due(nowMs: number) {
    const due: { tunnelId: string; error: string | undefined; port: OpenPort }[] = []
    for (const [number, port] of this.#open) {
      const { error, told, toldMs } = port
      const isNews = error !== told || (error !== undefined && nowMs - toldMs >= TRY_AGAIN_MS)
      const tunnelId = isNews ? this.#options.linkedAt(number) : undefined
      if (tunnelId !== undefined) due.push({ tunnelId, error, port })
      if (due.length === TOLD_AT_ONCE) break
    }
    return due
  }
}

function named(ports: readonly number[]): string {
  const shown = ports.toSorted((a, b) => a - b).slice(0, MOST_NAMED)
  const more = ports.length > shown.length ? ` and ${ports.length - shown.length} more` : ''
  return `${ports.length === 1 ? 'Port' : 'Ports'} ${shown.join(', ')}${more} cannot be opened`
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'another program has it'
  return code === 'EACCES' ? 'its process may not' : (code ?? message)
}

function whyClosed(error: NodeJS.ErrnoException, port: number, relayId: string) {
  const { code, message } = error
  const where = `Port ${port} cannot be opened on the relay ${relayId}`
  if (code === 'EADDRINUSE') {
    return `${where}: ${reasonOf(error)}. End that program, or delete the tunnel and create it again: it then gets another port.`
  }
  if (code === 'EACCES') {
    return `${where}: ${reasonOf(error)}. Let TUNNEL_PORTS begin above 1023, and create the tunnel again.`
  }
  return `${where}: ${message}. It is tried again.`
}
