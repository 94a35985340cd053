import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import { leftPage, runScript } from './execute.ts'
import { explainInvalid } from './failures.ts'
import { matchesUrl } from './glob.ts'
import type { WaitInput, WaitResult } from './page-commands.ts'
import type { Scene } from './scene.ts'
import { readTitle } from './state.ts'
import { quietNetwork } from './quiet-network.ts'

const LOOK_EVERY_MS = 100
/** A pause is not cut short by the deadline that commands have unless they say another. */
const AFTER_PAUSE_MS = 5_000

/** The deadline of a wait that names none. */
export function waitTimeoutMs({ timeoutMs, timeMs }: WaitInput): number | undefined {
  return timeoutMs ?? (timeMs === undefined ? undefined : timeMs + AFTER_PAUSE_MS)
}

/**
 * Waits, through navigations of the page too, until what is asked for holds.
 *
 * @throws problem `browser.timeout` that names it, `browser.selector_invalid`, or `browser.script_failed` when `function` throws
 */
export async function wait(scene: Scene, input: WaitInput): Promise<WaitResult> {
  const { tab, run } = scene
  const started = performance.now()
  await become(scene, input)
  run.awaits('the title of the page')
  const waitedMs = Math.round(performance.now() - started)
  return { url: tab.url, title: await readTitle(scene), waitedMs }
}

async function become(scene: Scene, input: WaitInput): Promise<void> {
  const { run } = scene
  const { selector, text, url, networkIdle, function: script, timeMs } = input
  if (selector !== undefined) return waitForElement(scene, selector, input.state ?? 'visible')
  if (text !== undefined) return waitForText(scene, text)
  if (url !== undefined) return waitForUrl(scene, url)
  if (networkIdle) return quietNetwork(scene)
  if (script !== undefined) return waitForTruth(scene, script)
  run.awaits(`${timeMs} ms to pass`)
  await run.race(sleep(timeMs))
}

async function waitForElement(
  { link, tab, run }: Scene,
  selector: string,
  state: NonNullable<WaitInput['state']>,
): Promise<void> {
  const page = await link.pageOf(tab, run)
  run.awaits(`${selector} to be ${state}`)
  try {
    await page.locator(selector).first().waitFor({ state, timeout: 0, signal: run.signal })
  } catch (error) {
    throw (error instanceof Error && explainInvalid(error, selector)) || error
  }
}

async function waitForText({ link, tab, run }: Scene, text: string): Promise<void> {
  const page = await link.pageOf(tab, run)
  run.awaits(`the text ${text.slice(0, 200)}`)
  const shown = page.getByText(text).filter({ visible: true }).first()
  await shown.waitFor({ timeout: 0, signal: run.signal })
}

async function waitForUrl({ tab, run }: Scene, pattern: string): Promise<void> {
  run.awaits(`the URL ${pattern.slice(0, 200)}`)
  let last: string | undefined
  for (;;) {
    if (tab.isGone) throw problems.pageClosed()
    if (tab.url !== last && matchesUrl(pattern, tab.url)) return
    last = tab.url
    await run.race(sleep(LOOK_EVERY_MS))
  }
}

async function waitForTruth(scene: Scene, script: string): Promise<void> {
  const { run } = scene
  run.awaits('the function to become truthy')
  for (;;) {
    if (await isTrue(scene, script)) return
    await run.race(sleep(LOOK_EVERY_MS))
  }
}

/** What has no JSON form is an object, and so true. */
async function isTrue(scene: Scene, script: string): Promise<boolean> {
  try {
    const outcome = await runScript(scene, script, { member: 'function' })
    return 'value' in outcome ? Boolean(outcome.value) : true
  } catch (error) {
    scene.run.signal.throwIfAborted()
    // The page that comes next is asked again; one that was closed tells so then.
    if (error instanceof Problem && leftPage(error.cause)) return false
    throw error
  }
}
