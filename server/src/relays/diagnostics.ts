import type { Context } from '#kernel/context.ts'
import type { Check } from '#kernel/health.ts'
import { configOf } from './config.ts'
import { readLines } from './log-lines.ts'
import { factsOf, healthOf, proxyStatus } from './present.ts'
import type { BeatFacts } from './relay-schema.ts'
import { getRelay } from './relays.ts'
import type { RelayCheck, RelayDiagnostics, RelayHealth } from './schema.ts'
import type { RelayRow } from './tables.ts'

const LATE_BEAT_MS = 15_000
const SKEW_MS = 5_000
const EXPIRY_MS = 14 * 24 * 60 * 60_000
const FULL = 0.9
const LATE_LOOP_MS = 200
const BUSY_CPU = 0.9
const WAITING_ENTRIES = 10_000
const LITTLE_DISK_MIB = 256
const LINES_LOOKED_AT = 500
const LINES_SHOWN = 20

/** Asks a relay from here whether it answers; the reason why it does not, or undefined. */
export type Reach = (row: RelayRow) => Promise<string | undefined>

interface Looked {
  row: RelayRow
  facts: BeatFacts | undefined
  now: Date
  version: string
}

/** What its last beat tells. @throws problem `relay.not_found` */
export async function relayHealth(ctx: Context, version: string, id: string): Promise<RelayHealth> {
  const row = await getRelay(ctx, id)
  const looked = { row, facts: factsOf(row), now: ctx.clock.now(), version }
  return { id, healthStatus: healthOf(row), checks: checksOf(looked) }
}

/** The same, with what it answers from here now, and the last warnings of its log. @throws problem `relay.not_found` */
export async function relayDiagnostics(
  ctx: Context,
  { version, reach }: { version: string; reach: Reach },
  id: string,
): Promise<RelayDiagnostics> {
  const row = await getRelay(ctx, id)
  const looked = { row, facts: factsOf(row), now: ctx.clock.now(), version }
  const lines = await readLines(ctx, id, LINES_LOOKED_AT)
  return {
    ...{ id, healthStatus: healthOf(row), checkedAt: looked.now.toISOString() },
    checks: [...checksOf(looked), await reachCheck(row, reach)],
    lines: lines.filter(({ level }) => level === 'warn' || level === 'error').slice(-LINES_SHOWN),
  }
}

function checksOf(looked: Looked): RelayCheck[] {
  const { row, facts } = looked
  if (row.status === 'stopped') {
    const why = row.errorMessage ? `: ${row.errorMessage}` : ''
    return [ok('status', `it was stopped${why}`)]
  }
  const first = [statusCheck(row), beatCheck(looked)]
  if (!facts) return first
  const told = { ...looked, facts }
  return [
    ...first,
    ...[
      portCheck(told),
      ...errorChecks(told),
      versionCheck(told),
      clockCheck(told),
      certificateCheck(told),
    ],
    ...[loopCheck(told), cpuCheck(told), roomCheck(told), ...journalChecks(told)],
  ]
}

type Told = Looked & { facts: BeatFacts }

function statusCheck({ status, errorMessage, drainReason }: RelayRow): RelayCheck {
  if (status === 'error') {
    const cure =
      'Look at its process and its log. A local one is started again by itself; POST /api/v1/proxy/start with its relayId starts a new one.'
    return { check: 'status', status: 'failing', detail: errorMessage ?? 'it has failed', cure }
  }
  if (status === 'starting') return unknown('status', 'its process has not joined yet')
  const drains = drainReason ? `, and drains (${drainReason})` : ''
  return ok('status', `it is ${status}${drains}`)
}

function beatCheck({ row, now }: Looked): RelayCheck {
  const { lastBeatAt } = row
  if (!lastBeatAt) return unknown('beat', 'it has not beaten yet')
  const ageMs = now.getTime() - lastBeatAt.getTime()
  const detail = `its last beat came ${Math.round(ageMs / 1000)} s ago`
  if (ageMs <= LATE_BEAT_MS) return ok('beat', detail)
  const cure = 'See whether its process runs and reaches CONTROL_PLANE_URL.'
  return { check: 'beat', status: row.goneAt ? 'failing' : 'warning', detail, cure }
}

const PORT_FAULT = /^ports? \d/i

function portCheck({ row, facts: { error = '' } }: Told): RelayCheck {
  const faults = error.split('\n').filter((line) => PORT_FAULT.test(line))
  if (faults.length === 0) return ok('port', `agents dial it at ${row.url}`)
  const cure =
    'End the program that has it: the port is then opened by itself, within seconds. Or let TUNNEL_PORTS begin elsewhere, above 1023, and create the tunnels anew.'
  return { check: 'port', status: 'failing', detail: faults.join(' '), cure }
}

/** What else it cannot do. */
function errorChecks({ facts: { error = '' } }: Told): RelayCheck[] {
  const faults = error.split('\n').filter((line) => line && !PORT_FAULT.test(line))
  if (faults.length === 0) return []
  const cure = 'See in its log what led to it, and free space below its GANTRY_HOME.'
  return [{ check: 'error', status: 'failing', detail: faults.join(' '), cure }]
}

function versionCheck({ facts, version }: Told): RelayCheck {
  if (facts.version === version) return ok('version', `${version}, as the control plane`)
  const detail = `it runs ${facts.version}, the control plane ${version}`
  const cure = 'Bring both to one version: drain it, install the version, and start it again.'
  return { check: 'version', status: 'warning', detail, cure }
}

/** Tickets and tokens count for a minute: clocks that differ by more refuse them. */
function clockCheck({ row, facts }: Told): RelayCheck {
  const skewMs = Date.parse(facts.now) - (row.lastBeatAt?.getTime() ?? Date.parse(facts.now))
  const detail = `its clock is ${(skewMs / 1000).toFixed(1)} s away from ours`
  if (Math.abs(skewMs) <= SKEW_MS) return ok('clock', detail)
  const cure = 'Set both clocks by NTP: tokens of 60 seconds are refused when clocks differ.'
  return { check: 'clock', status: Math.abs(skewMs) > 60_000 ? 'failing' : 'warning', detail, cure }
}

function certificateCheck({ facts, now }: Told): RelayCheck {
  const { certificateExpiresAt } = facts
  if (!certificateExpiresAt) return ok('certificate', 'it serves visitors without TLS of its own')
  const leftMs = Date.parse(certificateExpiresAt) - now.getTime()
  const detail = `the certificate of TLS_CERT_FILE expires at ${certificateExpiresAt}`
  if (leftMs > EXPIRY_MS) return ok('certificate', detail)
  const cure =
    'Renew the certificate and write it to TLS_CERT_FILE: the relay takes it within seconds.'
  return { check: 'certificate', status: leftMs > 0 ? 'warning' : 'failing', detail, cure }
}

function loopCheck({ facts }: Told): RelayCheck {
  const detail = `its event loop is up to ${Math.round(facts.eventLoopDelayMs)} ms late`
  if (facts.eventLoopDelayMs <= LATE_LOOP_MS) return ok('event loop', detail)
  const cure = 'Start one more relay with POST /api/v1/proxy/start, or let scaling do it.'
  return { check: 'event loop', status: 'warning', detail, cure }
}

function cpuCheck({ facts }: Told): RelayCheck {
  const detail = `it takes ${facts.cpu.toFixed(2)} of a core`
  if (facts.cpu <= BUSY_CPU) return ok('processor', detail)
  const cure = 'Start one more relay: one process uses little more than one core.'
  return { check: 'processor', status: 'warning', detail, cure }
}

function roomCheck({ row, facts }: Told): RelayCheck {
  const { maxConnections, maxLinks } = configOf(row)
  const detail = `${facts.streams} of ${maxConnections} connections, ${facts.links} of ${maxLinks} links`
  const isFull = facts.streams > FULL * maxConnections || facts.links > FULL * maxLinks
  if (!isFull) return ok('room', detail)
  const cure = 'Raise the limits with PUT /api/v1/relays/:id/config, or start one more relay.'
  return { check: 'room', status: 'warning', detail, cure }
}

function journalChecks({ facts: { journal } }: Told): RelayCheck[] {
  if (!journal) return []
  const { entries, diskFreeMib } = journal
  const detail = `${entries} counts wait for the control plane`
  const waiting: RelayCheck =
    entries <= WAITING_ENTRIES
      ? ok('journal', detail)
      : {
          ...{ check: 'journal', status: 'warning', detail },
          cure: 'See in its log why they are not taken: the control plane is away, or refuses them.',
        }
  if (diskFreeMib === undefined) return [waiting]
  const free = `${Math.round(diskFreeMib)} MiB are free where its journal is`
  const cure = 'Free space below GANTRY_HOME of the relay: what cannot be written may be lost.'
  const disk: RelayCheck =
    diskFreeMib >= LITTLE_DISK_MIB
      ? ok('disk', free)
      : { check: 'disk', status: 'failing', detail: free, cure }
  return [waiting, disk]
}

async function reachCheck(row: RelayRow, reach: Reach): Promise<RelayCheck> {
  if (!row.internalUrl)
    return ok('reach', 'nobody has to reach it: it is in this process, or alone')
  const reason = await reach(row)
  if (!reason) return ok('reach', `it answers at ${row.internalUrl}`)
  const detail = `it does not answer at ${row.internalUrl}: ${reason}`
  const cure =
    'Let the control plane and the other relays reach that address: open the port, or set ADVERTISE_URL of the relay.'
  return { check: 'reach', status: 'failing', detail, cure }
}

function ok(check: string, detail: string): RelayCheck {
  return { check, status: 'ok', detail }
}

function unknown(check: string, detail: string): RelayCheck {
  return { check, status: 'unknown', detail }
}

/** Nobody is kept away while relays fail: the rest of the product goes on. */
export const healthCheck: Check = {
  name: 'relays',
  what: 'Relays run that carry the traffic of tunnels',
  critical: false,
  async run(ctx) {
    const { status, relays } = await proxyStatus(ctx)
    const { starting, running, draining, error } = relays
    const detail = `${running} running, ${starting} starting, ${draining} draining, ${error} failed`
    if (status === 'running') return { status: 'ok', detail }
    // Where no relay was ever wanted, there is nothing that could fail.
    const isWanted = starting + draining + error > 0 || status === 'degraded'
    return { status: isWanted ? 'degraded' : 'ok', detail }
  },
}
