import type { Locator } from 'playwright-core'
import type { Timed } from './commands.ts'
import type { Scene } from './scene.ts'
import { explainSelector } from './failures.ts'

/** A wrong selector should be known soon; whoever expects a slow page says so with `timeoutMs`. */
export const SELECTOR_WAIT_MS = 5_000

/** Options for every call into Playwright: the signal alone ends it. */
export interface Limits {
  timeout: 0
  signal: AbortSignal
}

/**
 * Acts on the first element that a selector matches, waiting for it 5 s, or as long as `timeoutMs` says. Acts anew when the page
 * replaces the element meanwhile.
 *
 * @throws problem `browser.selector_invalid`, `browser.selector_not_found` or `browser.not_actionable` with the reason
 */
export async function onFirstMatch<Result>(
  { link, tab, run }: Scene,
  { timeoutMs }: Timed,
  selector: string,
  act: (element: Locator, limits: Limits) => Promise<Result>,
): Promise<Result> {
  const page = await link.pageOf(tab, run)
  run.awaits(`an element for ${selector}`)
  const started = performance.now()
  const patience = AbortSignal.timeout(timeoutMs ?? SELECTOR_WAIT_MS)
  const limits: Limits = { timeout: 0, signal: AbortSignal.any([run.signal, patience]) }
  const element = page.locator(selector).first()
  for (;;) {
    try {
      return await act(element, limits)
    } catch (error) {
      if (wasReplaced(error) && !limits.signal.aborted) continue
      const waitedMs = Math.round(performance.now() - started)
      throw explainSelector(error, { selector, run, waitedMs, patience })
    }
  }
}

function wasReplaced(error: unknown): boolean {
  return error instanceof Error && /not attached to the DOM/.test(error.message)
}
