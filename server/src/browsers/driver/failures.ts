import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '#kernel/problem.ts'
import { problems } from '../problems.ts'
import { CdpClosed, CdpError } from './cdp.ts'
import type { Run } from './run.ts'

/** A page's closing is known at once, that its browser died a moment later. */
const NEWS_DELAY_MS = 250
const PAGE_CLOSED =
  /target was closed|navigated or closed|has been closed|(?:Session|No target) with given id|Target closed|was detached/i

/** The problem that a failed command ends with; an error that nobody foresaw comes back as it is. */
export async function explain(error: unknown, run: Run): Promise<unknown> {
  if (error instanceof Problem) return error
  const closed = error instanceof Error && PAGE_CLOSED.test(error.message)
  if (closed) await ended(run)
  // What ended the command tells more than what its end brought about.
  const cause = run.signal.aborted ? run.signal.reason : error
  if (cause instanceof Problem) return cause
  if (cause instanceof CdpClosed) return problems.crashed({ reason: cause.message, cause })
  if (closed && cause === error) return problems.pageClosed({ cause })
  if (cause instanceof CdpError) return problems.commandRefused({ reason: cause.message, cause })
  return cause
}

interface Attempt {
  selector: string
  run: Run
  waitedMs: number
  /** Aborted when the element was waited for as long as it may be. */
  patience: AbortSignal
}

/** Why Playwright did not act on the first match of a selector, read from its call log. */
export function explainSelector(error: unknown, attempt: Attempt): unknown {
  const { selector, run, patience } = attempt
  const waitedOut = patience.aborted || run.expired
  if (!(error instanceof Error) || error instanceof Problem) return error
  if (run.signal.aborted && !waitedOut) return error
  const invalid = explainInvalid(error, selector)
  if (invalid) return invalid
  if (/Element is not an <input>/.test(error.message)) {
    return notActionable(selector, 'it is not a field that takes text', error)
  }
  return waitedOut ? explainLog(error, attempt) : error
}

/** A refusal in our words with the reason; `what` is a selector or a point. */
export function notActionable(what: string, reason: string, cause?: unknown): Problem {
  return problems.notActionable({ what, reason, cause })
}

/** The refusal of a selector that Playwright cannot read, if that is what went wrong. */
export function explainInvalid(error: Error, selector: string): Problem | undefined {
  const reason = invalidSelector(error.message)
  return reason ? problems.selectorInvalid({ selector, reason, cause: error }) : undefined
}

function explainLog(error: Error, { selector, waitedMs }: Attempt): Problem {
  const log = callLog(error)
  const reason = log.map(obstacle).findLast((found) => found !== undefined)
  if (reason) return notActionable(selector, reason, error)
  if (!log.some((line) => /locator resolved to|attempting/.test(line))) {
    return problems.selectorNotFound({ selector, timeoutMs: waitedMs, cause: error })
  }
  const awaited = `the page to take the action on ${selector}`
  return problems.timeout({ awaited, timeoutMs: waitedMs, cause: error })
}

const OBSTACLES: [RegExp, (found: RegExpExecArray) => string][] = [
  [/element is not visible|locator resolved to hidden/, () => 'it is not visible'],
  [/element is not enabled/, () => 'it is disabled'],
  [/element is not editable/, () => 'it is read-only'],
  [/element is not stable/, () => 'it keeps moving'],
  [
    /element is outside of the viewport/,
    () => 'it lies outside the viewport and cannot be scrolled into it',
  ],
  [/(<.*) intercepts pointer events/, ([, cover]) => `it is covered by ${cut(cover!)}`],
]

function obstacle(line: string): string | undefined {
  for (const [pattern, describe] of OBSTACLES) {
    const found = pattern.exec(line)
    if (found) return describe(found)
  }
  return undefined
}

const INVALID_SELECTOR = [
  /(Unexpected token .* while parsing (?:css )?selector .*?)\.? Did you mean/,
  /(Unexpected token .* while parsing .*)/,
  /(Unknown engine ".*?") while parsing/,
  /: (The string .* is not a valid XPath expression)/,
  /: (.* is not a valid selector)/,
  /InvalidSelectorError: (.*)/,
  /((?:Error|Malformed|Invalid).* (?:parsing|selector).*)/,
]

function invalidSelector(message: string): string | undefined {
  const line = message.split('\n', 1)[0]!
  for (const pattern of INVALID_SELECTOR) {
    const found = pattern.exec(line)
    if (found) return cut(found[1]!)
  }
  return undefined
}

/** Playwright's account of what it tried, line by line. */
function callLog(error: Error): string[] {
  return (error as Error & { log?: string[] }).log ?? error.message.split('\n')
}

const MAX_QUOTE = 200

function cut(text: string): string {
  return text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}…` : text
}

async function ended(run: Run): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([run.signal, stop.signal])
  await sleep(NEWS_DELAY_MS, undefined, { signal }).catch(() => {})
}
