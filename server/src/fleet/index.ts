import { defineCapability } from '#kernel/capability.ts'
import { published } from './events.ts'
import { instanceRoutes } from './instance-routes.ts'
import { fleetJobs } from './jobs.ts'
import { nodeRoutes } from './node-routes.ts'
import type { Running } from './parts.ts'
import { poolRoutes } from './pool-routes.ts'
import { problems } from './problems.ts'

export { ensureBuiltin } from './builtin.ts'
export { type Fleet, terminateInstance } from './instance-changes.ts'
export { relayInstances } from './instances.ts'
export { redeemToken } from './join-tokens.ts'
export { launchInstance } from './launch.ts'
export { judgeNodes, keepFleet } from './loop.ts'
export type {
  BeatAnswer,
  BeatRequest,
  Joined,
  JoinRequest,
  LeaveRequest,
  NodeFacts,
} from './node-schema.ts'
export { problems as fleetProblems } from './problems.ts'
export { authenticateNode, beat } from './nodes.ts'
export type { FleetParts, Load } from './parts.ts'
export { type Place, placesFor } from './placement.ts'
export { type Ec2Options, openEc2 } from './providers/ec2.ts'
export { type KubernetesOptions, openKubernetes } from './providers/kubernetes.ts'
export { type NodeProcesses, openLocal } from './providers/local.ts'
export { type Provider, ProviderFailure, type ProviderName } from './providers/provider.ts'
export { isDiskLeft, poolMayGrow, type Reachable, reachableNodes } from './reach.ts'
export { type SpotNotice, watchSpotNotice } from './spot-notice.ts'

/** Machines that host browsers: which there are, who may use them, and a pool that grows and shrinks. */
export function fleet(running: Running) {
  const jobs = fleetJobs(running)
  const capability = defineCapability({
    name: 'fleet',
    summary: 'Machines that host browsers, and the pool of them',
    permissions: {
      'fleet.read': 'See the machines that host browsers, their nodes and the pool',
      'fleet.write': 'Launch, restart, drain and terminate machines, and change the pool',
    },
    routes: [
      ...instanceRoutes(running, jobs),
      ...poolRoutes(running),
      ...nodeRoutes(running, jobs),
    ],
    jobs: Object.values(jobs),
    publishes: published,
    problems,
  })
  return Object.assign(capability, { jobsByName: jobs })
}
