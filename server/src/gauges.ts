import { chainLagSeconds } from '#audit/index.ts'
import { proxyStatus } from '#relays/index.ts'
import { tunnelsByStatus } from '#tunnels/index.ts'
import type { Running } from './capabilities.ts'

/** Declares what is read of a process at each scrape; a part that its roles do not open is left out. */
export function declareGauges({ core, desk, front, readers }: Running): void {
  const { telemetry } = core
  const { pool } = core.pool
  const relays = () => proxyStatus(core.systemContext())
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
      const counts = (await core.jobs?.counts()) ?? []
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
      const states = (await readers()?.states()) ?? []
      return Object.fromEntries(states.map(({ name, lagSeconds }) => [name, lagSeconds]))
    },
  )
  telemetry.gauge(
    'gantry_audit_chain_lag_seconds',
    'Age of the oldest event that the audit chain does not cover',
    () => chainLagSeconds(core.systemContext()),
  )
  telemetry.gauge('gantry_sockets_open', 'WebSockets that are open', () => {
    return front()?.sockets.openSockets ?? 0
  })
  telemetry.labelled(
    'gantry_browser_sessions',
    'Browsers on this machine',
    'state',
    async (): Promise<Record<string, number>> => {
      const node = desk()?.runtime.own
      if (!node) return {}
      const { ready, warming, ending } = node.host.facts()
      return { ...node.counts, ready, warming, ending, free: node.free }
    },
  )
  telemetry.labelled('gantry_tunnels', 'Tunnels that there are', 'status', () => {
    return tunnelsByStatus(core.systemContext())
  })
  telemetry.labelled(
    'gantry_relays',
    'Relays that have not ended',
    'status',
    async () => (await relays()).relays,
  )
  telemetry.gauge('gantry_relay_links', 'Links of agents to relays', async () => {
    return (await relays()).links
  })
  telemetry.gauge(
    'gantry_relay_connections',
    'Requests, WebSockets and TCP connections that relays carry',
    async () => (await relays()).connections,
  )
}
