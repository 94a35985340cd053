import { checkMatrix } from '#access/index.ts'
import { channelSocket, reapBrowsers } from '#browsers/index.ts'
import type { fleet, FleetParts } from '#fleet/index.ts'
import type { Capability } from '#kernel/capability.ts'
import type { EventReaders } from '#kernel/events.ts'
import { keptRecords } from '#kernel/personal-records.ts'
import type { RelaysParts } from '#relays/index.ts'
import type { secrets } from '#secrets/index.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import type { BrowserDesk } from './roles/browser-desk.ts'
import type { Core } from './parts/core.ts'
import type { Front } from './roles/front.ts'
import { document, manifest } from './manifest.ts'
import type { People } from './parts/people.ts'
import { VERSION } from './version.ts'

/** A process as its capabilities see it: what its roles have opened is asked for when a request needs it. */
export interface Running {
  readonly core: Core
  readonly tunnels: TunnelParts
  readonly relays: RelaysParts
  people(): People
  fleet(): FleetParts
  desk(): BrowserDesk | undefined
  front(): Front | undefined
  readers(): EventReaders | undefined
}

/** The capabilities of a running process, each with what it works with. */
export function runningCapabilities(running: Running): Capability[] {
  const { core, people } = running
  const runtime = () => running.desk()?.runtime
  const records = () => keptRecords(capabilities)
  const capabilities = manifest({
    identity: () => {
      const { tools, signingKeys } = people().identity
      const sockets = [...capabilities.flatMap(({ sockets = [] }) => sockets), channelSocket]
      return { tools, signingKeys, store: core.store, records: records(), sockets }
    },
    addresses: () => people().addresses,
    fleet: running.fleet,
    browsers: runtime,
    store: () => core.store,
    platform: () => platformParts(running, capabilities),
    settings: () => core.settings,
    secrets: () => core.secrets,
    tunnels: () => running.tunnels,
    relays: () => running.relays,
    operations: () => ({
      ...{ jobs: core.jobs, settings: core.settings, problemCounts: core.problemCounts },
      recoveryActions: [reapBrowsers(runtime)],
      stopping: core.draining,
    }),
    notifications: () => people().mail,
    audit: () => ({ vault: core.keyring, store: core.store, records: records() }),
  })
  checkMatrix(capabilities)
  return capabilities
}

function platformParts({ core, readers }: Running, capabilities: Capability[]) {
  const { config, startedAt, telemetry, store, jobs } = core
  return {
    ...{ version: VERSION, startedAt, capabilities, telemetry, store, jobs },
    roles: config.ROLES,
    environment: config.NODE_ENV,
    document: () => document(capabilities),
    metrics: { allow: config.METRICS_ALLOW, token: config.METRICS_TOKEN },
    readerStates: async () => readers()?.states() ?? [],
    stopping: core.draining,
  }
}

/** What `manifest.ts` makes that does more than other capabilities. */
interface Richer {
  fleet: ReturnType<typeof fleet>
  secrets: ReturnType<typeof secrets>
}

export function capabilityNamed<Name extends keyof Richer>(
  capabilities: readonly Capability[],
  name: Name,
): Richer[Name] {
  return capabilities.find((capability) => capability.name === name) as unknown as Richer[Name]
}
