import { defineCapability } from '#kernel/capability.ts'
import type { Check } from '#kernel/health.ts'
import { endWithAccount } from './account-end.ts'
import { voidUrlsOfMember } from './member-end.ts'
import { channelProblems } from './channel/problems.ts'
import * as events from './events.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import type { RemoteNode, RemoteNodeOptions } from './node/remote-node.ts'
import { problems } from './problems.ts'
import { routes } from './routes.ts'
import type { BrowserRuntime } from './runtime.ts'
import { tidyRecordings } from './recordings.ts'
import {
  newSessions,
  queueLength,
  queuePerAccount,
  recordingDays,
  sessionsPerAccount,
} from './settings.ts'
import { sessionRecords } from './session-records.ts'
import { openSessions } from './usage.ts'
import { sockets } from './sockets.ts'
import { sealedProxies } from './spec.ts'
import { endLateSessions, endWithUser } from './user-end.ts'

export { LiveChannel } from './channel/channel.ts'
export { channelSocket } from './channel/credential.ts'
export {
  ROUTE_SECONDS,
  type RouteOf,
  type TunnelRoute,
  tunnelRoute,
  type WantedRoute,
} from './tunnel-route.ts'
export { type AskedTunnel, type OpenTunnel, TunnelUnavailable } from './host/session-tunnels.ts'
export { findChromium } from './host/chromium.ts'
export { BrowserHost } from './host/host.ts'
export { type Entry, Journal, type JournalOptions } from './node/journal.ts'
export { NodeServer } from './node/node-server.ts'
export { KeptRecordings, type KeptRecordingsOptions } from './node/kept-recordings.ts'
export { NodeSessions } from './node/node-sessions.ts'
export type { RemoteNode } from './node/remote-node.ts'
export type { SessionFacts, SessionNode } from './node/session-node.ts'
export { openOn, SessionQueue, waitingLoad } from './queue.ts'
export { endSessionsOf, generationsOf, reconcile, sessionsToEnd } from './reconcile.ts'
export { storeSink } from './recordings.ts'
export { CommandRecorder } from './recorder.ts'
export { reapBrowsers } from './recovery.ts'
export { takeReports } from './reports.ts'
export { BrowserRuntime, type NodeDirectory, type RuntimeParts } from './runtime.ts'
export { keepWipeIfAny } from './service.ts'
export { sealedProxies } from './spec.ts'
export { SessionUrls } from './urls.ts'
export { sessionUsage } from './usage.ts'

/** A node in another process or on another machine. The first one loads undici, 4 MiB that a fleet of one process does without. */
export async function openRemoteNode(options: RemoteNodeOptions): Promise<RemoteNode> {
  const { RemoteNode } = await import('./node/remote-node.ts')
  return new RemoteNode(options)
}

/** Rented browsers: their life and what is done in them. `runtime` is undefined in a process that does not serve the API. */
export function browsers(runtime: () => BrowserRuntime | undefined, store: () => ObjectStore) {
  const own = () => {
    const browsers = runtime()
    if (!browsers) throw problems.launchFailed({ reason: 'this process serves no sessions' })
    return browsers
  }
  return defineCapability({
    name: 'browsers',
    summary: 'Rented browsers: start one, drive it, end it',
    permissions: {
      'sessions.read': 'List and show browser sessions',
      'sessions.write': 'Start, drive and end browser sessions',
    },
    quotas: {
      'sessions.open': {
        unit: 'sessions',
        what: 'Browser sessions open at once',
        of: openSessions,
      },
    },
    routes: routes(own),
    sockets: sockets(own),
    publishes: [
      events.created,
      events.started,
      events.changed,
      events.ended,
      events.controlRequested,
      events.controlGranted,
      events.controlReturned,
      events.requestRefused,
    ],
    checks: [healthCheck(runtime)],
    jobs: [tidyRecordings(store), endLateSessions],
    reacts: [endWithAccount, endWithUser, voidUrlsOfMember],
    settings: [sessionsPerAccount, queueLength, queuePerAccount, recordingDays],
    flags: [newSessions],
    problems: { ...problems, ...channelProblems },
    sealed: [sealedProxies],
    personal: sessionRecords(store),
  })
}

function healthCheck(runtime: () => BrowserRuntime | undefined): Check {
  return {
    name: 'browsers',
    what: 'Every browser of this machine answers a command',
    critical: false,
    async run() {
      const node = runtime()?.own
      if (!node) return { status: 'ok', detail: 'this process hosts no browsers' }
      const { ok, detail } = await node.host.check()
      const notice = runtime()?.notice
      return {
        status: ok && !notice ? 'ok' : 'degraded',
        detail: [detail, notice].filter(Boolean).join('. '),
      }
    },
  }
}
export { countUnwiped } from './unwiped.ts'
