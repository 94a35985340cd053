import type { ScrollInput, ScrollResult } from './commands.ts'
import type { Scene } from './scene.ts'
import { onFirstMatch } from './selector.ts'

/**
 * Scrolls at once, whatever the page's own wish for smoothness.
 *
 * @throws problem `browser.selector_invalid`, `browser.selector_not_found` or `browser.not_actionable`
 */
export async function scroll(scene: Scene, input: ScrollInput): Promise<ScrollResult> {
  const { x, y, selector } = input
  if (selector === undefined) return scrollPage(scene, x ?? 0, y ?? 0)
  if (x !== undefined || y !== undefined) {
    return onFirstMatch(scene, input, selector, (element, limits) =>
      element.evaluate(scrollContent, [x ?? 0, y ?? 0] as const, limits),
    )
  }
  await onFirstMatch(scene, input, selector, (element, limits) =>
    element.scrollIntoViewIfNeeded(limits),
  )
  return scrollPage(scene, 0, 0)
}

function scrollPage({ link, tab, run }: Scene, left: number, top: number): Promise<ScrollResult> {
  run.awaits('the page to scroll')
  const options = JSON.stringify({ left, top, behavior: 'instant' })
  const expression = `(scrollBy(${options}), { x: scrollX, y: scrollY })`
  return link.evaluate<ScrollResult>(tab, expression, run.signal)
}

/** Runs in the page. */
function scrollContent(element: Element, [left, top]: readonly [number, number]): ScrollResult {
  element.scrollBy({ left, top, behavior: 'instant' })
  return { x: element.scrollLeft, y: element.scrollTop }
}
