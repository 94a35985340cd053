import { problems } from '../problems.ts'
import type { HistoryInput } from './browser-commands.ts'
import type { NavigateResult } from './command-parts.ts'
import { arrive, checkUrl, leavable } from './navigate.ts'
import type { Scene } from './scene.ts'

const STEPS = { back: -1, forward: 1, reload: 0 } as const

interface History {
  currentIndex: number
  entries: { id: number; url: string }[]
}

/**
 * Goes one page back or forward in the tab's history, or loads its page anew. A script that loops in the page is ended.
 *
 * @throws problem `browser.no_history`, `browser.url_refused` or `browser.navigation_failed`
 */
export async function travel(
  scene: Scene,
  direction: keyof typeof STEPS,
  { waitUntil = 'load' }: HistoryInput,
): Promise<NavigateResult> {
  const { run, link, tab } = scene
  const page = await link.pageOf(tab, run)
  const wasNavigating = tab.navigating
  await leavable(link, tab, run)
  // Playwright would take the end of the earlier journey for that of this one.
  if (wasNavigating) await run.race(page.evaluate('0'))
  const { currentIndex, entries } = await readHistory(scene)
  const entry = entries[currentIndex + STEPS[direction]]
  if (!entry) throw problems.noHistory({ direction })
  if (direction !== 'reload') checkUrl(entry.url)
  return arrive(scene, page, { url: entry.url, waitUntil }, (limits) => {
    if (direction === 'reload') return page.reload(limits)
    return direction === 'back' ? page.goBack(limits) : page.goForward(limits)
  })
}

function readHistory({ link, tab: { sessionId }, run: { signal } }: Scene): Promise<History> {
  return link.cdp.send<History>('Page.getNavigationHistory', {}, { sessionId, signal })
}
