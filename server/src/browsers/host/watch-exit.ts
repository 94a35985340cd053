import type { ChildProcess } from 'node:child_process'
import { isSameProcess } from '#kernel/processes.ts'

/** How a browser went away that nobody had ended. */
export interface Ending {
  /**
   * `killed` by a signal from outside, as the kernel does when memory runs out; `crashed` by itself; `memory` and `disk`: it
   * took more of them than one session may.
   */
  reason: 'crashed' | 'killed' | 'memory' | 'disk'
  detail: string
}

const LOOK_EVERY_MS = 250
const SIGNALS_FROM_OUTSIDE = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'])

/** Tells once when our child has ended. Returns what stops the watch. */
export function watchChild(child: ChildProcess, onEnd: (ending: Ending) => void): () => void {
  const tell = () => onEnd(describe(child))
  if (child.exitCode !== null || child.signalCode !== null) setImmediate(tell)
  else child.once('exit', tell)
  return () => child.off('exit', tell)
}

/** Tells once, within a quarter of a second, when a process has ended that is not our child. */
export function watchStranger(
  { pid, startTicks }: { pid: number; startTicks: number },
  onEnd: (ending: Ending) => void,
): () => void {
  const timer = setInterval(() => {
    if (isSameProcess(pid, startTicks)) return
    clearInterval(timer)
    // Only its parent learns how it ended.
    onEnd({ reason: 'crashed', detail: 'Chromium ended; it was started by an earlier process' })
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function describe({ signalCode, exitCode }: ChildProcess): Ending {
  if (signalCode === null) {
    return { reason: 'crashed', detail: `Chromium ended with status ${exitCode}` }
  }
  const reason = SIGNALS_FROM_OUTSIDE.has(signalCode) ? 'killed' : 'crashed'
  return { reason, detail: `Chromium was ended by ${signalCode}` }
}
