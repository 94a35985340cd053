import type { QuotaState } from '#kernel/capability.ts'
import type { TunnelRequest } from '../usage/request-schema.ts'
import { hasFailed } from '../usage/requests.ts'
import type { Facts } from './facts.ts'
import type { TunnelCheck } from './schema.ts'

const LATELY_MS = 60 * 60 * 1000
const WARN_AT = 0.8

export function checkQuota(
  { isOwn }: Pick<Facts, 'isOwn'>,
  { used, limit, resetsAt }: QuotaState,
): TunnelCheck {
  const name = 'quota'
  if (limit === undefined)
    return { name, status: 'ok', detail: 'The account has no limit of bytes.' }
  const detail = isOwn
    ? `The account has used ${inGib(used)} of ${inGib(limit)} GiB of this month.`
    : 'Its account has a limit of bytes for each month.'
  const fix = `It is counted anew from ${resetsAt?.toISOString()} on; a higher tier has more.`
  if (used >= limit)
    return { name, status: 'failed', detail: `${detail} Nothing new is let in.`, fix }
  if (isOwn && used >= limit * WARN_AT) return { name, status: 'warning', detail, fix }
  return { name, status: 'ok', detail }
}

function inGib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2)
}

/** Limits that visitors have met in the last hour. */
export function checkLimits({ requests, row }: Facts, now: Date): TunnelCheck {
  const name = 'limits'
  const met = requests.filter((one) => one.limit !== undefined && isLate(one, now))
  if (met.length === 0) return { name, status: 'ok', detail: 'No limit was met in the last hour.' }
  const refused = met.filter((one) => one.outcome !== 'answered').length
  const limits = [...new Set(met.map(({ limit }) => limit))].join(', ')
  const detail = `In the last hour ${met.length} requests met a limit (${limits}), and ${refused} of them were refused.`
  const fix = `Raise \`maxConnections\` (now ${row.config.maxConnections}) or \`queueSeconds\`, or find out why requests take so long.`
  return { name, status: 'warning', detail, fix }
}

function isLate({ endedAtMs }: TunnelRequest, now: Date): boolean {
  return endedAtMs > now.getTime() - LATELY_MS
}

export function checkEndpoints({ endpoints, links }: Facts): TunnelCheck {
  const name = 'endpoints'
  if (endpoints.length === 0) {
    const detail = 'The tunnel leads nowhere: it has no endpoint.'
    return { name, status: 'failed', detail, fix: 'An agent adds one as it starts.' }
  }
  const sick = endpoints.filter(({ healthStatus }) => healthStatus === 'unhealthy')
  const isHeld = links.length > 0
  if (sick.length > 0) {
    const each = sick.map(
      ({ url, agent, healthMessage }) =>
        `${url} by ${agent}: ${healthMessage ?? 'it does not answer'}`,
    )
    const status = sick.length === endpoints.length ? 'failed' : 'warning'
    const fix = 'See that the service runs and listens there, on the machine of the agent.'
    return { name, status, detail: `Unhealthy: ${each.join('; ')}.`, fix }
  }
  return { name, status: isHeld ? 'ok' : 'skipped', detail: healthOf(endpoints) }
}

function healthOf(endpoints: Facts['endpoints']): string {
  const all = endpoints.length
  const checked = endpoints.filter(({ healthStatus }) => healthStatus !== 'unknown').length
  if (checked === 0)
    return `${all === 1 ? 'One endpoint' : `${all} endpoints`}, without a health check.`
  const rest = all > checked ? `; ${all - checked} without a health check` : ''
  return `${checked} of ${all} are healthy${rest}.`
}

/** What became of the last requests. */
export function checkRequests({ requests, row }: Facts): TunnelCheck {
  const name = 'requests'
  if (requests.length === 0) {
    return { name, status: 'skipped', detail: 'No request was seen since the relays were started.' }
  }
  const failed = requests.filter(hasFailed)
  const of = `of the last ${requests.length} requests`
  if (failed.length === 0) return { name, status: 'ok', detail: `None ${of} has failed.` }
  const codes = [...Map.groupBy(failed, codeOf)].map(([code, some]) => `${code}: ${some.length}`)
  const status = failed.length * 2 > requests.length ? 'failed' : 'warning'
  const detail = `${failed.length} ${of} failed (${codes.join(', ')}).`
  return {
    name,
    status,
    detail,
    fix: `Look at one of them: \`GET /api/v1/tunnels/${row.id}/requests?failed=true\`.`,
  }
}

function codeOf({ outcome, status }: TunnelRequest): string {
  return outcome === 'answered' ? String(status) : outcome
}
