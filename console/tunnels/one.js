import { call } from '../shared/api.js'
import { element } from '../shared/elements.js'
import { liveCard } from '../shared/parts.js'
import { readPermissions } from '../shared/permissions.js'
import { accessCard } from './access.js'
import { configCard } from './config.js'
import { diagnosticsCard } from './diagnostics.js'
import { domainsCard } from './domains.js'
import { endpointsCard } from './endpoints.js'
import { metricsCard } from './metrics.js'
import { requestsCard } from './requests.js'
import { sharesCard } from './shares.js'
import { overview } from './overview.js'

export const title = 'Tunnel'

export function show(place) {
  const path = `/tunnels/${encodeURIComponent(place.split('/')[1] ?? '')}`
  const rest = element('div')
  const first = liveCard('Address and status', {
    read: () => call('GET', path),
    show: (tunnel, refresh) => {
      // The answer may come when another page is shown already.
      if (first.isConnected) nameThePage(tunnel)
      if (!rest.hasChildNodes()) void showRest(rest, path, tunnel)
      return overview(path, tunnel, refresh)
    },
  })
  const back = element('p', {}, element('a', { href: '#tunnels' }, 'All tunnels'))
  return [back, first, rest]
}

function nameThePage({ name }) {
  document.querySelector('#view h1').textContent = name
  document.title = `${name} · Gantry`
}

/** Readers see it too, and change nothing. */
async function showRest(place, path, tunnel) {
  const { held } = await readPermissions()
  const may = held.has('tunnels.write') && tunnel.permission !== 'read'
  const isOwn = may && tunnel.permission === 'own'
  place.append(
    diagnosticsCard(path),
    metricsCard(path),
    endpointsCard(path, may),
    requestsCard(path, tunnel, may),
    ...(may ? [configCard(path, tunnel)] : []),
    ...(isOwn ? [accessCard(path, tunnel), sharesCard(path, tunnel)] : []),
    ...(isOwn && tunnel.kind === 'http' ? [domainsCard(path, tunnel)] : []),
  )
}
