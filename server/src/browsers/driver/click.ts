import type { ClickInput } from './commands.ts'
import type { Scene } from './scene.ts'
import { notActionable } from './failures.ts'
import { onFirstMatch } from './selector.ts'

/**
 * Clicks as a person would: an element is scrolled into view, and has to be visible, enabled, still and uncovered.
 *
 * @throws problem `browser.selector_invalid`, `browser.selector_not_found` or `browser.not_actionable`
 */
export async function click(scene: Scene, input: ClickInput): Promise<void> {
  const { selector, x = 0, y = 0, button, clickCount } = input
  if (selector === undefined) return clickPoint(scene, { x, y, button, clickCount })
  await onFirstMatch(scene, input, selector, (element, limits) =>
    element.click({ button, clickCount, ...limits }),
  )
}

async function clickPoint(
  { link, tab, run }: Scene,
  { x, y, ...options }: { x: number; y: number } & Pick<ClickInput, 'button' | 'clickCount'>,
): Promise<void> {
  const page = await link.pageOf(tab, run)
  run.awaits('the page to take the click')
  const size = '[innerWidth, innerHeight]'
  const [width, height] = await link.evaluate<[number, number]>(tab, size, run.signal)
  if (x >= width || y >= height) {
    const reason = `it lies outside the viewport of ${width} × ${height} pixels`
    throw notActionable(`The point ${x}, ${y}`, reason)
  }
  await run.race(page.mouse.click(x, y, options))
}
