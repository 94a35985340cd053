import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'

/** A recovery action: ends every browser, process and directory on this machine that belongs to no open session. */
export function reapBrowsers(runtime: () => BrowserRuntime | undefined) {
  return {
    name: 'reap-browsers',
    what: 'End every browser on this machine that belongs to no open session, and remove what it left',
    async run(): Promise<Record<string, unknown>> {
      const node = runtime()?.own
      if (!node) throw problems.launchFailed({ detail: 'This process hosts no browsers.' })
      const open = node.facts.sessions.map(({ id }) => id)
      return { reaped: await node.host.reap(new Set(open)) }
    },
  }
}
