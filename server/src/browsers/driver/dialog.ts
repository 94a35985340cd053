import { problems } from '../problems.ts'
import type { DialogInput, DialogResult } from './browser-commands.ts'
import { CdpError } from './cdp.ts'
import type { OpenDialog } from './command-parts.ts'
import type { Link } from './link.ts'
import type { Run } from './run.ts'
import type { Tab } from './tab.ts'

/** How long a page may take to go on, or to open its next dialog. */
const GOES_ON_WITHIN_MS = 500

/**
 * Answers the dialog of the current page, or else of the first tab that has one. Of two that answer it at once one does, and the other
 * is told that there is none.
 *
 * @throws problem `browser.no_dialog`
 */
export async function dialog(link: Link, run: Run, input: DialogInput): Promise<DialogResult> {
  run.awaits('the dialog to close')
  const tab = await heldTab(link, run)
  if (!tab) throw problems.noDialog()
  const answered: OpenDialog[] = []
  while (answered.length < (input.repeat ?? 1)) {
    const open = tab.dialog
    if (!open) break
    await answer(link, tab, input, run.signal)
    answered.push(open)
    tab.forgetDialog(open)
    await goOn(link, tab, run)
  }
  return { answered, ...(tab.dialog && { dialog: tab.dialog }) }
}

async function heldTab(link: Link, run: Run): Promise<Tab | undefined> {
  const current = await link.tabs.current(run.signal)
  return current?.dialog ? current : link.tabs.all.find((tab) => tab.dialog)
}

async function answer(
  link: Link,
  tab: Tab,
  { action, promptText }: DialogInput,
  signal: AbortSignal,
): Promise<void> {
  const accept = action === 'accept'
  const params = { accept, ...(accept && promptText !== undefined && { promptText }) }
  const options = { sessionId: tab.sessionId, signal }
  try {
    await link.cdp.send('Page.handleJavaScriptDialog', params, options)
  } catch (error) {
    throw error instanceof CdpError && /No dialog is showing/.test(error.message)
      ? problems.noDialog({ cause: error })
      : error
  }
}

/** Returns once the page answers again, or is held by its next dialog. */
async function goOn(link: Link, tab: Tab, run: Run): Promise<void> {
  if (tab.dialog) return
  const next = new AbortController()
  using _watch = tab.onTrouble(() => next.abort())
  const patience = AbortSignal.timeout(GOES_ON_WITHIN_MS)
  const signal = AbortSignal.any([run.signal, next.signal, patience])
  // It fails when the page is left, as after a `beforeunload` dialog.
  await link.evaluate(tab, '1', signal).catch(() => undefined)
  run.signal.throwIfAborted()
}
