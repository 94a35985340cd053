import type { Link } from './link.ts'
import type { Tab } from './tab.ts'

const ANSWER_WITHIN_MS = 700
const TERMINATE_WITHIN_MS = 300

/**
 * Ends the script that holds the page in a loop, if one does. A script that only waits is left alone.
 *
 * @returns whether the page answers now
 */
export async function endLoop(link: Link, tab: Tab, signal: AbortSignal): Promise<boolean> {
  if (tab.trouble || (await answers(link, tab, signal))) return true
  if (tab.trouble) return true
  await link.cdp
    .send('Runtime.terminateExecution', {}, within(tab, signal, TERMINATE_WITHIN_MS))
    .catch(() => undefined)
  return answers(link, tab, signal)
}

async function answers(link: Link, tab: Tab, signal: AbortSignal): Promise<boolean> {
  const options = within(tab, signal, ANSWER_WITHIN_MS)
  try {
    await link.evaluate(tab, '1', options.signal)
    return true
  } catch {
    return !options.signal.aborted
  }
}

function within({ sessionId }: Tab, signal: AbortSignal, limitMs: number) {
  return { sessionId, signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]) }
}
