import type { Telemetry } from '#kernel/telemetry.ts'
import type { TrafficCounts } from '#tunnels/index.ts'

/** Counts what relays report to this process: of several processes, their sum is what all tunnels have carried. */
export function trafficCounters(telemetry: Telemetry): (counts: readonly TrafficCounts[]) => void {
  const requests = telemetry.counter(
    'gantry_tunnel_requests_total',
    'Requests of visitors that relays have reported; failed: answered with 5xx, or not at all',
    'outcome',
  )
  const connections = telemetry.counter(
    'gantry_tunnel_connections_total',
    'WebSockets and TCP connections of visitors that relays have reported',
  )
  const bytes = telemetry.counter(
    'gantry_tunnel_bytes_total',
    'Bytes that relays have reported: in, from visitors; out, to them',
    'direction',
  )
  return (counts) => {
    for (const one of counts) {
      const failed = Math.min(one.failures, one.requests)
      requests(one.requests - failed, 'ok')
      requests(failed, 'failed')
      connections(one.connections)
      bytes(one.bytesIn, 'in')
      bytes(one.bytesOut, 'out')
    }
  }
}
