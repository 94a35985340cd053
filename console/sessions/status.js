import { element } from '../shared/elements.js'

/** How good a state is, as colours tell it; the word beside it tells the same. */
const GRADES = { active: 'ok', starting: 'degraded', queued: 'degraded', error: 'failing' }

const WHY = {
  asked: 'as somebody asked',
  idle: 'nobody used it',
  timeout: 'its time was over',
  disconnected: 'its program has left',
  server_stopped: 'the server stopped',
  user_deleted: 'its user was deleted',
  account_deleted: 'its account was deleted',
  user_disabled: 'its user was deactivated',
  queue_timeout: 'no machine was free in time',
  launch_failed: 'its browser did not start',
  crashed: 'its browser crashed',
  memory: 'it took too much memory',
  disk: 'it took too much disk',
  lost: 'its machine was lost',
}

export function whyEnded(reason) {
  return WHY[reason] ?? reason.replaceAll('_', ' ')
}

/** The state in its colour; of one that has ended also why. */
export function sessionStatus({ status, endReason, queuePlace }) {
  const more = (endReason && whyEnded(endReason)) ?? (queuePlace && `place ${queuePlace}`)
  const text = more ? `${status}: ${more}` : status
  return element('span', { 'data-status': GRADES[status] ?? 'unknown' }, text)
}

export function isOpen({ endTime }) {
  return endTime === undefined
}

/** What people tell sessions apart by. */
export function nameOf({ currentTitle, currentUrl, id }) {
  return currentTitle || currentUrl || id
}
