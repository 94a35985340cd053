import { element } from '../shared/elements.js'

/** How good a state is, as colours tell it; the word beside it tells the same. */
const GRADES = { active: 'ok', starting: 'degraded', queued: 'degraded', error: 'failing' }

/** The state in its colour; of one that has ended also why. */
export function sessionStatus({ status, endReason, queuePlace }) {
  const more = endReason ?? (queuePlace && `place ${queuePlace}`)
  const text = more ? `${status}: ${more.replaceAll('_', ' ')}` : status
  return element('span', { 'data-status': GRADES[status] ?? 'unknown' }, text)
}

export function isOpen({ endTime }) {
  return endTime === undefined
}

/** What people tell sessions apart by. */
export function nameOf({ currentTitle, currentUrl, id }) {
  return currentTitle || currentUrl || id
}
