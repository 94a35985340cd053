import type { Driver } from '../driver/driver.ts'
import { Problem } from '#kernel/problem.ts'
import type { Dialog } from './protocol.ts'

/**
 * Dialogs that were open before the live view attached to their page. Chromium tells of a dialog, and takes the answer to it, only
 * where somebody was attached as it opened.
 */
export interface EarlierDialogs {
  /** The dialog of this page, where it is the one in front. */
  look(targetId: string): Promise<Dialog | undefined>
  /** Answers the one of the page in front; false when there is none any more. */
  answer(accept: boolean, text: string | undefined): Promise<boolean>
}

const DEADLINE_MS = 5_000

/** Those that commands have met. While nobody has sent a command, nothing is known of any. */
export function earlierDialogs(driver: () => Driver | undefined): EarlierDialogs {
  return {
    async look(targetId) {
      const state = await driver()?.state({ timeoutMs: DEADLINE_MS })
      const front = state?.tabs.find(({ active }) => active)
      return front?.id === targetId ? state?.dialog : undefined
    },
    async answer(accept, text) {
      const promptText = accept && text !== undefined ? { promptText: text } : {}
      const action = accept ? 'accept' : 'dismiss'
      try {
        await driver()?.dialog({ action, timeoutMs: DEADLINE_MS, ...promptText })
        return driver() !== undefined
      } catch (error) {
        if (error instanceof Problem) return false
        throw error
      }
    },
  }
}
