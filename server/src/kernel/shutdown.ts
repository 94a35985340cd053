import type { Logger } from './log.ts'

/** One thing to close, in its turn. */
export interface Step {
  readonly name: string
  /** The largest part of the whole time that it may take; what the later ones do not need at least, unless given. */
  readonly share?: number
  close(): Promise<unknown>
}

const LEAST_MS = 250

/**
 * Closes one step after the other within `totalMs` altogether. A step that fails or takes longer than what is left is logged, and
 * the next one goes on: whatever happens, the last step has its turn.
 */
export async function closeInOrder(
  steps: readonly Step[],
  totalMs: number,
  log: Logger,
): Promise<void> {
  const endMs = performance.now() + totalMs
  for (const [index, { name, share = 1, close }] of steps.entries()) {
    const leftMs = endMs - performance.now() - LEAST_MS * (steps.length - index - 1)
    const mostMs = Math.max(LEAST_MS, Math.min(leftMs, share * totalMs))
    const startedMs = performance.now()
    try {
      await within(close(), mostMs)
      log.debug({ step: name, durationMs: Math.round(performance.now() - startedMs) }, 'closed')
    } catch (error) {
      log.warn({ err: error, step: name }, 'did not close cleanly')
    }
  }
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`took longer than ${Math.round(timeoutMs)} ms`)),
    timeoutMs,
  )
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
