import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { problems } from '../problems.ts'
import { endLoop } from './end-loop.ts'
import { leftPage } from './execute.ts'
import {
  extractContent,
  type Extraction,
  type ExtractionLimits,
  extractFields,
} from './extraction.ts'
import type { ExtractInput, ExtractResult } from './page-commands.ts'
import { MAX_RESULT_CHARACTERS } from './page-script.ts'
import type { Scene } from './scene.ts'
import { SELECTOR_WAIT_MS } from './selector.ts'

const LIMITS: ExtractionLimits = { characters: MAX_RESULT_CHARACTERS, matches: 1_000 }
const LOOK_EVERY_MS = 100
const END_LOOP_WITHIN_MS = 1_800

/**
 * Reads the main document, all of it in the page's process: a page that is large or hostile takes no time of this one, and what takes
 * longer than the deadline there is ended. A `selector` is waited for as by other commands; what a `schema` names is read as it is.
 *
 * @throws problem `browser.selector_invalid`, `browser.selector_not_found` or `browser.result_too_large`
 */
export async function extract(scene: Scene, input: ExtractInput): Promise<ExtractResult> {
  const { schema } = input
  if (!schema) return extractFormat(scene, input)
  scene.run.awaits('the document to be read')
  const call = `(${extractFields.toString()})(${JSON.stringify(schema)},${JSON.stringify(LIMITS)})`
  const extraction = await read<Record<string, unknown>>(scene, call)
  const { value, url } = told(extraction)
  return { url, data: value }
}

async function extractFormat(scene: Scene, input: ExtractInput): Promise<ExtractResult> {
  const { format = 'markdown', selector = null } = input
  const { run } = scene
  run.awaits(selector === null ? 'the document to be read' : `an element for ${selector}`)
  const load = format === 'markdown' ? await turndownLoader() : '() => undefined'
  const args = [selector, format, LIMITS].map((arg) => JSON.stringify(arg))
  const call = `(${extractContent.toString()})(${args.join(',')},${load})`
  const { value, url } = told(await readOnceThere(scene, call, input))
  return { url, content: value }
}

async function readOnceThere(
  scene: Scene,
  call: string,
  { selector, timeoutMs = SELECTOR_WAIT_MS }: ExtractInput,
): Promise<Extraction<string>> {
  const { run } = scene
  const started = performance.now()
  const waitedMs = () => Math.round(performance.now() - started)
  let isAbsent = false
  try {
    for (;;) {
      const extraction = await read<string>(scene, call)
      isAbsent = 'absent' in extraction
      if (!isAbsent) return extraction
      if (waitedMs() >= timeoutMs) throw problems.selectorNotFound({ selector, timeoutMs })
      await run.race(sleep(LOOK_EVERY_MS))
    }
  } catch (error) {
    if (run.expired && isAbsent) throw problems.selectorNotFound({ selector, timeoutMs })
    throw error
  }
}

async function read<Value>(scene: Scene, expression: string): Promise<Extraction<Value>> {
  const { link, tab, run } = scene
  for (;;) {
    try {
      return await link.evaluateApart<Extraction<Value>>(tab, expression, run.signal)
    } catch (error) {
      if (run.expired) await endLoop(link, tab, AbortSignal.timeout(END_LOOP_WITHIN_MS))
      // The page that comes next is read instead.
      if (!leftPage(error) || tab.isGone) throw error
      await run.race(sleep(LOOK_EVERY_MS))
    }
  }
}

type Told<Value> = Extract<Extraction<Value>, { value: Value }>

function told<Value>(extraction: Extraction<Value>): Told<Value> {
  if ('invalid' in extraction) throw problems.selectorInvalid(extraction.invalid)
  if ('tooLarge' in extraction) throw problems.resultTooLarge({ limit: LIMITS.characters })
  return extraction as Told<Value>
}

let turndown: Promise<string> | undefined

/** A function of the page that makes Turndown there, from the form of it that is made for browsers. */
function turndownLoader(): Promise<string> {
  turndown ??= readFile(
    fileURLToPath(import.meta.resolve('turndown/lib/turndown.browser.umd.js')),
    'utf8',
  ).then((source) => {
    const place = 'const module = { exports: {} }, { exports } = module, define = undefined'
    return `() => { ${place};${source}\n;return module.exports }`
  })
  turndown.catch(() => {
    turndown = undefined
  })
  return turndown
}
