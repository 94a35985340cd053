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
export async function execute(
  scene: Scene,
  { script, args = [] }: ExecuteInput,
): Promise<ExecuteResult> {
  const { link, tab, run } = scene
  run.awaits('the script to end')
  const ready = pageScript(script, args)
  try {
    const outcome = await link.evaluate<Outcome>(tab, ready.expression, run.signal)
    return { result: valueOf(outcome, ready) }
  } catch (error) {
    if (run.expired) await endLoop(link, tab, AbortSignal.timeout(END_LOOP_WITHIN_MS))
    throw explainScript(error, ready)
  }
}

function valueOf(outcome: Outcome, { ownStack }: PageScript): unknown {
  if ('value' in outcome) return outcome.value
  if ('refused' in outcome) throw problems.resultNotSerializable({ reason: outcome.refused })
  if ('tooLarge' in outcome) throw problems.resultTooLarge({ limit: MAX_RESULT_CHARACTERS })
  throw failed(outcome.thrown.message, ownStack(outcome.thrown.stack))
}

/** What Chromium itself says of a script: that it does not compile, or was ended. */
function explainScript(error: unknown, { ownStack }: PageScript): unknown {
  if (error instanceof PageThrew) {
    const { lineNumber, columnNumber } = error.details
    const message = error.message.split('\n', 1)[0]!
    return failed(
      message,
      ownStack(`${message}\n    at script:${lineNumber + 1}:${columnNumber + 1}`),
    )
  }
  if (error instanceof CdpError && /navigated or closed/.test(error.message)) {
    return failed('the page went elsewhere while the script ran')
  }
  return error
}

/** The stack goes where the author of a request looks for what is wrong with it. */
function failed(message: string, stack?: string): Error {
  const errors = stack ? [{ path: 'body.script', message: stack }] : undefined
  return problems.scriptFailed({ message: message.replace(/\.$/, ''), errors })
}
