import { Script } from 'node:vm'
import { outcome, type OutcomeLimits } from './outcome.ts'

export const MAX_RESULT_CHARACTERS = 8 * 1024 * 1024

const LIMITS: OutcomeLimits = {
  characters: MAX_RESULT_CHARACTERS,
  depth: 200,
  stackCharacters: 8 * 1024,
}
/** Unlikely to hide a name of the page's. */
const RUN = '$gantryScript'
/** Sent with every script, so without its indentation. */
const OUTCOME = outcome.toString().replace(/^ +/gm, '')

/** A customer's script, made ready for the page. */
export interface PageScript {
  /** For `Runtime.evaluate`; its value is a promise of an `Outcome`. */
  readonly expression: string
  /** The script's stack as its author would see it: without our frames, with the author's columns. */
  readonly ownStack: (stack: string) => string
}

/**
 * Wraps a script for evaluation. Whether it is an expression (as a function is) or statements is found out by compiling it, which runs
 * nothing. Its lines keep their numbers.
 */
export function pageScript(script: string, args: readonly unknown[]): PageScript {
  const expression = script.replace(/[;\s]+$/, '')
  const body = compiles(`(async function(){return(${expression}\n)})`)
    ? { before: 'return(', text: expression, after: '\n)' }
    : { before: '', text: script, after: '\n' }
  const opening = `{const ${RUN}=async function(...args){${body.before}`
  const closing = `${body.after}};(${OUTCOME})(${RUN},${literal(args)},${JSON.stringify(LIMITS)})}`
  return {
    expression: `${opening}${body.text}${closing}\n//# sourceURL=script`,
    ownStack: (stack) => ownStack(stack, script.split('\n').length, opening.length),
  }
}

function compiles(source: string): boolean {
  try {
    return Boolean(new Script(source))
  } catch {
    return false
  }
}

/** JSON as a JavaScript expression: the same, but for `__proto__`, which an object literal takes for something else. */
function literal(args: readonly unknown[]): string {
  const json = JSON.stringify(args)
  return json.includes('"__proto__"') ? `JSON.parse(${JSON.stringify(json)})` : json
}

/** @param indent columns by which our text shifts the first of the script's `lines` */
function ownStack(stack: string, lines: number, indent: number): string {
  return stack
    .split('\n')
    .filter((frame) => Number(/\bscript:(\d+):\d+\)?$/.exec(frame)?.[1] ?? 1) <= lines)
    .join('\n')
    .replaceAll(`at ${RUN}`, 'at script')
    .replace(
      /\bscript:1:(\d+)/g,
      (_, column: string) => `script:1:${Math.max(1, Number(column) - indent)}`,
    )
}
