import type { Context } from '#kernel/context.ts'
import type { RelaySeen } from '#tunnels/index.ts'
import { isToStop } from './beats.ts'
import { configOf } from './config.ts'
import type { BeatFacts } from './relay-schema.ts'
import { relaysThere } from './relays.ts'
import type { ProxyStatus, Relay, RelayStatus } from './schema.ts'
import { readSettings } from './settings.ts'
import type { RelayRow } from './tables.ts'

/** As the last beat told them; nothing of a relay that has not beaten yet. */
export function factsOf({ facts }: Pick<RelayRow, 'facts'>): BeatFacts | undefined {
  return 'links' in facts ? (facts as BeatFacts) : undefined
}

/** The facts of one that does not live any more tell of nothing that is. */
function heldBy(row: RelayRow): { links: number; tunnels: number; connections: number } {
  const lives = row.status === 'running' || row.status === 'draining'
  const { links = 0, tunnels = 0, streams = 0 } = (lives && factsOf(row)) || {}
  return { links, tunnels, connections: streams }
}

export function presentRelay(row: RelayRow): Relay {
  const { id, name, provider, status } = row
  return {
    ...{ id, name, provider, status, healthStatus: healthOf(row), config: configOf(row) },
    ...heldBy(row),
    statusSince: row.statusSince.toISOString(),
    createdAt: row.createdAt.toISOString(),
    ...present('drainReason', row.drainReason),
    ...present('drainUntil', row.drainUntil),
    ...present('errorMessage', row.errorMessage),
    ...present('url', row.url),
    ...present('instanceId', row.instanceId),
    ...present('version', row.version),
    ...present('startedAt', row.startedAt),
    ...present('lastBeatAt', row.lastBeatAt),
    ...present('endedAt', row.endedAt),
  }
}

function present(name: string, value: string | Date | null) {
  if (value === null) return {}
  return { [name]: value instanceof Date ? value.toISOString() : value }
}

/** Those that have not ended, as tunnels tell of them. */
export async function seenRelays(ctx: Context): Promise<RelaySeen[]> {
  const rows = await relaysThere(ctx)
  return rows.map((row) => ({
    ...{
      relayId: row.id,
      name: row.name,
      status: row.status,
      healthy: healthOf(row) === 'healthy',
    },
    ...(row.url !== null && { url: row.url }),
    ...(row.errorMessage !== null && { message: row.errorMessage }),
  }))
}

export function healthOf({ status, facts }: RelayRow): Relay['healthStatus'] {
  if (status === 'starting' || status === 'stopped') return 'unknown'
  const isIll = status === 'error' || (facts as Partial<BeatFacts>).error !== undefined
  return isIll ? 'unhealthy' : 'healthy'
}

export function presentStatus(ctx: Context, row: RelayRow): RelayStatus {
  const { id, status, lastBeatAt } = row
  const facts = factsOf(row)
  const sinceMs = lastBeatAt && ctx.clock.now().getTime() - lastBeatAt.getTime()
  return {
    ...{ id, status, healthStatus: healthOf(row), statusSince: row.statusSince.toISOString() },
    ...present('lastBeatAt', lastBeatAt),
    ...(sinceMs !== null && { secondsSinceBeat: Math.max(0, Math.round(sinceMs / 100) / 10) }),
    ...(facts && { facts }),
    ...present('errorMessage', row.errorMessage),
  }
}

/** All relays together. */
export async function proxyStatus(ctx: Context): Promise<ProxyStatus> {
  const rows = await relaysThere(ctx)
  const { redundancy } = await readSettings(ctx)
  const relays = { starting: 0, running: 0, draining: 0, error: 0 }
  const held = { links: 0, tunnels: 0, connections: 0 }
  for (const row of rows) {
    if (row.status !== 'stopped') relays[row.status]++
    const { links, tunnels, connections } = heldBy(row)
    held.links += links
    held.tunnels += tunnels
    held.connections += connections
  }
  const isWhole = relays.error === 0 && relays.running >= redundancy.minimumRelays
  const status = relays.running === 0 ? 'stopped' : isWhole ? 'running' : 'degraded'
  return { status, relays, ...held }
}

/** Those that an operator could stop and that are not about to end. */
export async function stoppable(ctx: Context): Promise<RelayRow[]> {
  return (await relaysThere(ctx)).filter((row) => !isToStop(row))
}
