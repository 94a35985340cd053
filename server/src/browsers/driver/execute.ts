import { problems } from '../problems.ts'
import { CdpError } from './cdp.ts'
import type { ExecuteInput, ExecuteResult } from './commands.ts'
import type { Scene } from './scene.ts'
import { endLoop } from './end-loop.ts'
import { PageThrew } from './link.ts'
import type { Outcome } from './outcome.ts'
import { MAX_RESULT_CHARACTERS, type PageScript, pageScript } from './page-script.ts'

const END_LOOP_WITHIN_MS = 1_800

/**
 * Runs a script in the page. One that loops when the time is over is ended, so that the page can go on.
 *
 * @throws problem `browser.script_failed` with message and stack, `browser.result_not_serializable` or `browser.result_too_large`
 */
export async function execute(scene: Scene, input: ExecuteInput): Promise<ExecuteResult> {
  const { script, args = [] } = input
  scene.run.awaits('the script to end')
  const options = { args, member: 'script', userGesture: true }
  return { result: valueOf(await runScript(scene, script, options)) }
}

interface ScriptOptions {
  args?: readonly unknown[]
  /** Of the request, for a refusal to name. */
  member: string
  userGesture?: boolean
}

/**
 * What a script comes to. One that throws is a refusal already.
 *
 * @throws problem `browser.script_failed`
 */
export async function runScript(
  { link, tab, run }: Scene,
  script: string,
  { args = [], member, userGesture }: ScriptOptions,
): Promise<Exclude<Outcome, { thrown: unknown }>> {
  const ready = pageScript(script, args)
  try {
    const outcome = await link.evaluate<Outcome>(tab, ready.expression, run.signal, {
      userGesture,
    })
    if (!('thrown' in outcome)) return outcome
    throw failed(outcome.thrown.message, member, ready.ownStack(outcome.thrown.stack))
  } catch (error) {
    if (run.expired) await endLoop(link, tab, AbortSignal.timeout(END_LOOP_WITHIN_MS))
    throw explainScript(error, ready, member)
  }
}

function valueOf(outcome: Awaited<ReturnType<typeof runScript>>): unknown {
  if ('value' in outcome) return outcome.value
  if ('refused' in outcome) throw problems.resultNotSerializable({ reason: outcome.refused })
  throw problems.resultTooLarge({ limit: MAX_RESULT_CHARACTERS })
}

/** What Chromium itself says of a script: that it does not compile, or was ended. */
function explainScript(error: unknown, { ownStack }: PageScript, member: string): unknown {
  if (error instanceof PageThrew) {
    const { lineNumber, columnNumber } = error.details
    const message = error.message.split('\n', 1)[0]!
    return failed(
      message,
      member,
      ownStack(`${message}\n    at script:${lineNumber + 1}:${columnNumber + 1}`),
    )
  }
  if (leftPage(error)) {
    return failed('the page went elsewhere while the script ran', member, undefined, error)
  }
  return error
}

/** Whether an evaluation was lost because the page went elsewhere, or was closed. */
export function leftPage(error: unknown): boolean {
  return error instanceof CdpError && /navigated or closed/.test(error.message)
}

/** The stack goes where the author of a request looks for what is wrong with it. */
function failed(message: string, member: string, stack?: string, cause?: unknown): Error {
  const errors = stack ? [{ path: `body.${member}`, message: stack }] : undefined
  return problems.scriptFailed({ message: message.replace(/\.$/, ''), errors, cause })
}
