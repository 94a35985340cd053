import { element } from '../shared/elements.js'

/** How good a state is, as colours tell it; the word beside it tells the same. */
const GRADES = {
  ...{ connected: 'ok', connecting: 'degraded', disconnected: 'failing', error: 'failing' },
  ...{ created: 'unknown', healthy: 'ok', unhealthy: 'failing', unknown: 'unknown' },
  ...{ ok: 'ok', warning: 'degraded', failed: 'failing', skipped: 'unknown' },
  ...{ verified: 'ok', pending: 'degraded' },
  ...{ running: 'ok', starting: 'degraded', draining: 'degraded', stopped: 'unknown' },
}

/** The state in its colour. */
export function statusOf(status) {
  return element('span', { 'data-status': GRADES[status] ?? 'unknown' }, status)
}

/** A stopped tunnel is neither good nor bad; one that is suspended serves nobody. */
export function tunnelStatus({ status, started, suspension }) {
  if (suspension) return element('span', { 'data-status': 'failing' }, 'suspended')
  if (started) return statusOf(status)
  return element('span', { 'data-status': 'unknown' }, 'stopped')
}
