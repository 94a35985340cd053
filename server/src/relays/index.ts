import { defineCapability } from '#kernel/capability.ts'
import { healthCheck } from './diagnostics.ts'
import { published } from './events.ts'
import { visitorProblems } from './gate/problems.ts'
import { failWithMachine } from './machine-end.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { relayRoutes } from './routes.ts'
import { toldRoutes } from './told-routes.ts'

export { relaysForAgents } from './agents-choice.ts'
export { beat, leave } from './beats.ts'
export { ensureBuiltin, openToPeers } from './builtin.ts'
export { haveHeard } from './heard.ts'
export { localControl } from './local-control.ts'
export { judgeRelays, keepRelays } from './loop.ts'
export type { RelayMachines, RelaysParts } from './parts.ts'
export { proxyStatus, seenRelays } from './present.ts'
export { problems as relayProblems } from './problems.ts'
export { RelayClients } from './relay-clients.ts'
export { sessionRoute } from './session-route.ts'
export type { ProxyStatus } from './schema.ts'
export type { RelayRow } from './tables.ts'

/** The streaming proxies that carry the traffic of tunnels. */
export function relays(running: Running) {
  return defineCapability({
    name: 'relays',
    summary: 'The streaming proxies that carry the traffic of tunnels',
    permissions: {
      'relays.read': 'See relays, their health, measures and logs',
      'relays.write': 'Start, stop, drain and configure relays',
    },
    routes: [...relayRoutes(running), ...toldRoutes(running)],
    publishes: published,
    reacts: [failWithMachine(running)],
    checks: [healthCheck],
    problems: { ...problems, ...visitorProblems },
  })
}
