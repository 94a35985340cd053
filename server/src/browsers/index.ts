import { defineCapability } from '#kernel/capability.ts'
import type { Check } from '#kernel/health.ts'
import { created, ended, started } from './events.ts'
import { problems } from './problems.ts'
import { routes } from './routes.ts'
import type { BrowserRuntime } from './runtime.ts'
import { newSessions, sessionsPerAccount } from './settings.ts'

export { findChromium } from './host/chromium.ts'
export { BrowserHost } from './host/host.ts'
export { reapBrowsers } from './recovery.ts'
export { SessionKeeper } from './keeper.ts'
export { CommandRecorder } from './recorder.ts'
export { BrowserRuntime } from './runtime.ts'

/** Rented browsers: their life and what is done in them. `runtime` gives the browsers of this process, if it has any. */
export function browsers(runtime: () => BrowserRuntime | undefined) {
  const own = () => {
    const browsers = runtime()
    if (!browsers) throw problems.launchFailed({ reason: 'this process hosts no browsers' })
    return browsers
  }
  return defineCapability({
    name: 'browsers',
    summary: 'Rented browsers: start one, drive it, end it',
    permissions: {
      'sessions.read': 'List and show browser sessions',
      'sessions.write': 'Start, drive and end browser sessions',
    },
    quotas: { 'sessions.open': { unit: 'sessions', what: 'Browser sessions open at once' } },
    routes: routes(own),
    publishes: [created, started, ended],
    checks: [healthCheck(runtime)],
    settings: [sessionsPerAccount],
    flags: [newSessions],
    problems,
  })
}

function healthCheck(runtime: () => BrowserRuntime | undefined): Check {
  return {
    name: 'browsers',
    what: 'Every browser of this machine answers a command',
    critical: false,
    async run() {
      const browsers = runtime()
      if (!browsers) return { status: 'ok', detail: 'this process hosts no browsers' }
      const { ok, detail } = await browsers.host.check()
      const { notice } = browsers
      return {
        status: ok && !notice ? 'ok' : 'degraded',
        detail: [detail, notice].filter(Boolean).join('. '),
      }
    },
  }
}
