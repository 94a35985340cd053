import type { Facts } from './facts.ts'
import type { TunnelCheck } from './schema.ts'

export function checkRelays({ links, relays, silentRelays }: Facts): TunnelCheck {
  const name = 'relays'
  const up = relays.filter(({ status }) => status === 'running' || status === 'draining')
  if (up.length === 0) {
    const fix = 'An operator has to start one: `POST /api/v1/proxy/start`.'
    return { name, status: 'failed', detail: 'No relay is up.', fix }
  }
  const used = relays.filter(({ relayId }) => links.some((link) => link.relayId === relayId))
  const bad = used.find((relay) => !relay.healthy)
  if (bad) {
    const why = bad.message ?? `it is ${bad.status}`
    const fix = up.includes(bad)
      ? `An operator can look at its diagnostics: \`GET /api/v1/relays/${bad.relayId}/diagnostics\`.`
      : 'The agent moves to another one by itself; this takes seconds.'
    return { name, status: 'warning', detail: `The relay ${bad.name} is not well: ${why}.`, fix }
  }
  if (silentRelays.length > 0) {
    const silent = silentRelays.map((id) => nameOf(relays, id)).join(', ')
    const fix = 'An operator can look at its diagnostics: `GET /api/v1/relays/{id}/diagnostics`.'
    return { name, status: 'warning', detail: `No answer from ${silent}.`, fix }
  }
  return { name, status: 'ok', detail: `${up.length} of ${relays.length} are up.` }
}

/** Whether the port of a TCP tunnel is open on the relays that have links of it. */
export function checkPort({ row: { kind, port }, links }: Facts): TunnelCheck {
  const name = 'port'
  if (kind !== 'tcp') {
    return { name, status: 'skipped', detail: 'Visitors come by a host name, not by a port.' }
  }
  if (links.length === 0) {
    return { name, status: 'skipped', detail: `Port ${port} is opened while an agent is here.` }
  }
  const closed = links.flatMap(({ portError }) => portError ?? [])
  const [first] = closed
  if (first === undefined) return { name, status: 'ok', detail: `Port ${port} is open.` }
  const [why = '', ...cure] = first.split(/(?<=\.) /)
  const status = closed.length === links.length ? 'failed' : 'warning'
  const others = status === 'warning' ? ' Others have it open.' : ''
  return { name, status, detail: `${why}${others}`, fix: cure.join(' ') }
}

export function nameOf(relays: Facts['relays'], id: string): string {
  return relays.find(({ relayId }) => relayId === id)?.name ?? id
}
