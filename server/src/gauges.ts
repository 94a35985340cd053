import type pg from 'pg'
import type { BrowserRuntime } from '#browsers/index.ts'
import type { EventReaders } from '#kernel/events.ts'
import type { JobQueue } from '#kernel/jobs.ts'
import type { SocketDispatcher } from '#kernel/sockets.ts'
import type { Telemetry } from '#kernel/telemetry.ts'
import type { ProxyStatus } from '#relays/index.ts'

/** What a process holds right now; a part that its roles do not open is left out of the metrics. */
export interface Held {
  pool: pg.Pool
  jobs(): JobQueue | undefined
  readers(): EventReaders | undefined
  sockets(): SocketDispatcher | undefined
  chainLagSeconds(): Promise<number>
  browsers(): BrowserRuntime | undefined
  /** Of all relays together. */
  relays(): Promise<ProxyStatus>
  /** Of all accounts, by their status. */
  tunnels(): Promise<Record<string, number>>
}

/** Declares the gauges that are read at each scrape. */
export function declareGauges(telemetry: Telemetry, held: Held): void {
  const { pool } = held
  telemetry.labelled(
    'gantry_database_connections',
    'Connections of this process, and who waits for one',
    'state',
    async () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  )
  telemetry.labelled(
    'gantry_jobs',
    'Jobs that still ask for something, by state',
    'state',
    async () => {
      const counts = (await held.jobs()?.counts()) ?? []
      const states = Map.groupBy(counts, ({ state }) => state)
      const sum = (of: typeof counts) => of.reduce((total, { count }) => total + count, 0)
      return Object.fromEntries([...states].map(([state, of]) => [state, sum(of)]))
    },
  )
  telemetry.labelled(
    'gantry_event_reader_lag_seconds',
    'Age of the oldest event that a reader has not passed',
    'reader',
    async () => {
      const states = (await held.readers()?.states()) ?? []
      return Object.fromEntries(states.map(({ name, lagSeconds }) => [name, lagSeconds]))
    },
  )
  telemetry.gauge(
    'gantry_audit_chain_lag_seconds',
    'Age of the oldest event that the audit chain does not cover',
    () => held.chainLagSeconds(),
  )
  telemetry.gauge('gantry_sockets_open', 'WebSockets that are open', () => {
    return held.sockets()?.openSockets ?? 0
  })
  telemetry.labelled(
    'gantry_browser_sessions',
    'Browsers on this machine',
    'state',
    async (): Promise<Record<string, number>> => {
      const node = held.browsers()?.own
      if (!node) return {}
      const { ready, warming, ending } = node.host.facts()
      return { ...node.counts, ready, warming, ending, free: node.free }
    },
  )
  telemetry.labelled('gantry_tunnels', 'Tunnels that there are', 'status', () => held.tunnels())
  telemetry.labelled(
    'gantry_relays',
    'Relays that have not ended',
    'status',
    async () => (await held.relays()).relays,
  )
  telemetry.gauge('gantry_relay_links', 'Links of agents to relays', async () => {
    return (await held.relays()).links
  })
  telemetry.gauge(
    'gantry_relay_connections',
    'Requests, WebSockets and TCP connections that relays carry',
    async () => (await held.relays()).connections,
  )
}
