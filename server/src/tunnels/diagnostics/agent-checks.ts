import type { Facts } from './facts.ts'
import { nameOf } from './relay-checks.ts'
import type { TunnelCheck } from './schema.ts'

/** How the tunnel is held open: by whom, over which relays. */
export function checkStarted({ row, links }: Facts): TunnelCheck {
  const name = 'started'
  if (row.suspendedAt) {
    const detail = `The operator has suspended the tunnel: ${row.suspendedReason}`
    return { name, status: 'failed', detail, fix: 'Ask whoever runs this service to lift it.' }
  }
  if (!row.started) {
    const fix = `Start it: \`POST /api/v1/tunnels/${row.id}/start\`.`
    return { name, status: 'failed', detail: 'The tunnel is stopped: it serves nobody.', fix }
  }
  if (row.status === 'error') {
    const detail = row.errorMessage ?? 'Something that the tunnel needs cannot be had.'
    const fix = links.every(({ portError }) => portError === null)
      ? 'Stop it and start it again.'
      : 'See the check of its port.'
    return { name, status: 'failed', detail, fix }
  }
  return { name, status: 'ok', detail: 'The tunnel is started.' }
}

export function checkAgent({ row, runs, links, endpoints }: Facts): TunnelCheck {
  const name = 'agent'
  const fix = `Run \`gantry tunnel ${row.kind} ${portIn(endpoints[0]?.url) ?? '3000'} --name ${row.name}\` where the service is.`
  const [last] = runs
  if (!last) return { name, status: 'failed', detail: 'No agent has ever come.', fix }
  const seen = `${last.label}${last.host === null ? '' : ` on ${last.host}`} was seen last at ${last.lastSeenAt.toISOString()}`
  if (links.length === 0) {
    return { name, status: 'failed', detail: `No agent holds the tunnel open: ${seen}.`, fix }
  }
  const labels = new Set(links.map(({ agent }) => agent))
  const missing = endpoints.map(({ agent }) => agent).find((agent) => !labels.has(agent))
  if (missing !== undefined) {
    const detail = `An endpoint is reached by the agent ${missing}, which is not here.`
    return { name, status: 'warning', detail, fix: `Start the agent ${missing}.` }
  }
  return {
    name,
    status: 'ok',
    detail: `Held open by ${[...labels].join(', ')}; version ${last.version}.`,
  }
}

function portIn(url: string | undefined): string | undefined {
  return url && (URL.parse(url)?.port || undefined)
}

export function checkLinks({ links, relays }: Facts): TunnelCheck {
  const name = 'links'
  const used = [...new Set(links.map(({ relayId }) => relayId))]
  if (used.length === 0) {
    const detail = 'There is no link between an agent and a relay.'
    const fix = `See that the agent reaches ${relays.find(({ url }) => url)?.url ?? 'a relay'}: it needs no more than outgoing connections to it.`
    return { name, status: 'failed', detail, fix }
  }
  const detail = `${links.length} to ${used.map((id) => nameOf(relays, id)).join(', ')}.`
  const healthy = relays.filter((relay) => relay.healthy)
  if (used.length === 1 && healthy.length > 1) {
    const fix =
      'Nothing has to be done; a second link comes back by itself, and carries on when a relay is lost.'
    return { name, status: 'warning', detail: `Only ${detail}`, fix }
  }
  return { name, status: 'ok', detail }
}
