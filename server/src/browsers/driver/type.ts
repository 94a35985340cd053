import { setTimeout as sleep } from 'node:timers/promises'
import type { Keyboard, Locator } from 'playwright-core'
import type { TypeInput, TypeResult } from './commands.ts'
import type { Scene } from './scene.ts'
import { notActionable } from './failures.ts'
import type { Run } from './run.ts'
import { type Limits, onFirstMatch } from './selector.ts'

/**
 * Types one key after another, as a person would. A field has to be visible, enabled and writable.
 *
 * @throws problem `browser.selector_invalid`, `browser.selector_not_found` or `browser.not_actionable`
 */
export async function type(scene: Scene, input: TypeInput): Promise<TypeResult> {
  const { link, tab, run } = scene
  const page = await link.pageOf(tab, run)
  const { keyboard } = page
  const { selector, text, clear = false, delayMs = 0 } = input
  if (selector !== undefined) {
    await onFirstMatch(scene, input, selector, (field, limits) =>
      enter(selector, field, clear, limits),
    )
  } else if (clear) {
    await run.race(keyboard.press('ControlOrMeta+A'))
    await run.race(keyboard.press('Delete'))
  }
  run.awaits(`the page to take ${text.length} characters`)
  const secret = await run.race(page.evaluate(isSecret))
  await pressKeys(keyboard, text, delayMs, run)
  return { secret }
}

/** Runs in the page: whether what has the focus hides what is typed, in whatever shadow tree it is. */
function isSecret(): boolean {
  let focused = document.activeElement
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement
  return focused instanceof HTMLInputElement && focused.type === 'password'
}

async function enter(selector: string, field: Locator, clear: boolean, limits: Limits) {
  const element = await field.elementHandle(limits)
  await element.waitForElementState('visible', limits)
  await element.waitForElementState('enabled', limits)
  await element.waitForElementState('editable', limits)
  if (clear) await element.fill('', limits)
  const taken = await field.evaluate(takeFocus, undefined, limits)
  if (!taken) throw notActionable(selector, 'it is not a field that takes text')
}

/**
 * Runs in the page. Puts the caret behind what the field holds, as WebDriver does: without, a field that was never touched has it in
 * front. A field that has the focus already keeps its caret.
 */
function takeFocus(element: Element): boolean {
  const field = element as HTMLInputElement
  const root = field.getRootNode() as Document | ShadowRoot
  if (root.activeElement === field) return true
  field.focus()
  try {
    field.setSelectionRange(field.value.length, field.value.length)
  } catch {
    // Fields for numbers and addresses, and what is no field at all, have no selection.
  }
  return root.activeElement === field
}

/** One by one, so that nothing is typed after the command has ended. */
async function pressKeys(keyboard: Keyboard, text: string, delayMs: number, run: Run) {
  for (const character of text) {
    await run.race(keyboard.type(character))
    if (delayMs > 0) await run.race(sleep(delayMs))
  }
}
