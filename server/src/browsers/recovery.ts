import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'

/** A recovery action: ends every browser, process and directory on this machine that belongs to no open session. */
export function reapBrowsers(runtime: () => BrowserRuntime | undefined) {
  return {
    name: 'reap-browsers',
    what: 'End every browser on this machine that belongs to no open session, and remove what it left',
    async run(): Promise<Record<string, unknown>> {
      const browsers = runtime()
      if (!browsers) throw problems.launchFailed({ detail: 'This process hosts no browsers.' })
      const open = [...browsers.liveSessions.map(({ id }) => id), ...browsers.startingSessions]
      return { reaped: await browsers.host.reap(new Set(open)) }
    },
  }
}
