import { setTimeout as sleep } from 'node:timers/promises'
import { onStopSignal, statusOf } from './child.mjs'

/** Ways to die that no server chooses: out of memory, a crash in native code, somebody's kill -9. */
const CRASHES = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGTRAP']
const MOST_RESTARTS = 5
const WITHIN_MS = 5 * 60_000

/**
 * Runs the server, and again when it crashes: at most 5 times in 5 minutes, after 0.5 s, 1 s, 2 s … Resolves with the exit
 * status; once a signal has asked to stop, with that of the run it ended.
 *
 * @param run starts the server, and resolves with how it ended
 */
export async function supervise(run, { firstDelayMs = 500, say = console.error } = {}) {
  const stop = new AbortController()
  const forget = onStopSignal((signal) => stop.abort(signal))
  try {
    return await runUntilEnd(run, { stop: stop.signal, firstDelayMs, say })
  } finally {
    forget()
  }
}

async function runUntilEnd(run, { stop, firstDelayMs, say }) {
  const restarts = []
  for (;;) {
    const end = await run()
    if (stop.aborted || !CRASHES.includes(end.signal)) return statusOf(end)

    const now = performance.now()
    while (restarts.length > 0 && now - restarts[0] > WITHIN_MS) restarts.shift()
    if (restarts.length === MOST_RESTARTS) {
      say(
        `The server died of ${end.signal} again; ${MOST_RESTARTS} restarts in 5 minutes did not help.`,
      )
      return statusOf(end)
    }
    const delayMs = firstDelayMs * 2 ** restarts.length
    restarts.push(now)
    say(`The server died of ${end.signal}; starting it again in ${delayMs / 1000} s …`)
    await sleep(delayMs, undefined, { signal: stop }).catch(() => {})
    if (stop.aborted) return statusOf({ code: null, signal: stop.reason })
  }
}
