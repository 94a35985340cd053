import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { pageOf } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { ID, instanceExample, statusExample } from './examples.ts'
import { terminateInstance } from './instance-changes.ts'
import { instanceStatus, listInstances, showInstance } from './instances.ts'
import type { FleetJobs } from './job-kinds.ts'
import { launchInstance } from './launch.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import type { ProviderName } from './providers/provider.ts'
import { restartInstance } from './restart.ts'
import {
  AnyId,
  DrainQuery,
  Ec2Query,
  Instance,
  InstanceQuery,
  InstanceStatus,
  LaunchEc2,
  LaunchInstance,
} from './schema.ts'
import { onlyOf } from './visibility.ts'

const params = z.strictObject({ id: AnyId })
const provisioning = {
  ...instanceExample,
  status: 'provisioning' as const,
  sessions: 0,
  capacity: 0,
}

/** Every machine, and once more those of EC2 alone. */
export function instanceRoutes(running: Running, jobs: FleetJobs): AnyRoute[] {
  const fleet = () => ({ parts: running(), jobs })
  return [
    ...routesAt('/v1/fleet/instances', 'instances', fleet),
    ...routesAt('/v1/ec2/instances', 'EC2 instances', fleet, 'ec2'),
  ]
}

type FleetOf = () => { parts: ReturnType<Running>; jobs: FleetJobs }

function routesAt(path: string, what: string, fleet: FleetOf, only?: ProviderName): AnyRoute[] {
  return [...readRoutes(path, what, fleet, only), ...changeRoutes(path, what, fleet, only)]
}

const access = {
  signedIn:
    'holders of `fleet.read` see every machine, those of `sessions.read` the ones that are assigned to them',
  keys: true,
}

function readRoutes(path: string, what: string, fleet: FleetOf, only?: ProviderName): AnyRoute[] {
  const among = (ctx: Context) => ({ provider: only, assignedTo: onlyOf(ctx, fleet().parts) })
  return [
    route({
      ...{ method: 'GET', path, access },
      summary: `List the ${what}, the newest first`,
      query: only ? Ec2Query : InstanceQuery,
      returns: pageOf(Instance),
      examples: {
        query: { status: 'running', limit: 20 },
        reply: { items: [instanceExample], nextCursor: null },
      },
      problems: [httpProblems.forbidden],
      handler: (ctx, { query }) =>
        listInstances(ctx, { ...query, ...(only && { provider: only }) }, among(ctx)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:id`, access, params },
      summary: `Show one of the ${what}`,
      returns: Instance,
      problems: [problems.instanceNotFound, httpProblems.forbidden],
      examples: { params: { id: ID }, reply: instanceExample },
      handler: (ctx, { params }) => showInstance(ctx, params.id, among(ctx)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:id/status`, access: 'fleet.read', params },
      summary: `Ask how one of the ${what} is`,
      description: 'Asks the provider now; what it does not answer within 10 s is left out.',
      returns: InstanceStatus,
      problems: [problems.instanceNotFound],
      examples: { params: { id: ID }, reply: statusExample },
      handler: (ctx, { params }) => instanceStatus(ctx, fleet().parts, params.id, only),
    }),
  ]
}

function changeRoutes(path: string, what: string, fleet: FleetOf, only?: ProviderName): AnyRoute[] {
  const accepted = (instance: Instance) =>
    Reply.json(instance, { status: 202, headers: { location: `/api${path}/${instance.id}` } })
  return [
    route({
      ...{ method: 'POST', path, access: 'fleet.write', status: 202 },
      summary: only ? 'Launch an EC2 instance' : 'Launch an instance',
      description:
        'The machine is launched after the answer; read it until its status is `running`.',
      body: only ? LaunchEc2 : LaunchInstance,
      bodyOptional: true,
      returns: Instance,
      problems: [
        problems.providerMissing,
        problems.providerRefuses,
        problems.tooMany,
        problems.unknownRegion,
        problems.unknownUser,
      ],
      examples: { body: { instanceType: 'c7i.xlarge' }, reply: provisioning },
      idempotent: {
        resourceId: (reply) => (reply as Instance).id,
        replay: async (ctx, id) => accepted(await showInstance(ctx, id)),
      },
      handler: async (ctx, { body }) =>
        accepted(await launchInstance(ctx, fleet(), { ...body, ...(only && { provider: only }) })),
    }),
    route({
      ...{
        method: 'POST',
        path: `${path}/:id/restart`,
        access: 'fleet.write',
        status: 202,
        params,
      },
      summary: `Restart one of the ${what}; its sessions are lost`,
      description:
        'With `drain=true` it takes no new sessions, and is restarted once those that are open have ended.',
      query: DrainQuery,
      returns: Instance,
      problems: [
        problems.instanceNotFound,
        problems.builtinMachine,
        problems.providerRefuses,
        problems.providerMissing,
        problems.wrongState,
      ],
      examples: { params: { id: ID }, reply: instanceExample },
      handler: (ctx, { params, query: { drain } }) =>
        restartInstance(ctx, fleet(), params.id, { only, drain }),
    }),
    route({
      ...{ method: 'DELETE', path: `${path}/:id`, access: 'fleet.write', status: 202, params },
      summary: `Terminate one of the ${what}; its sessions are lost`,
      description:
        'The machine ends after the answer; with `drain=true` once its sessions have ended, and until then it takes no new ones. One that has joined by itself only leaves the fleet.',
      query: DrainQuery,
      returns: Instance,
      problems: [problems.instanceNotFound, problems.builtinMachine, problems.wrongState],
      examples: { params: { id: ID }, reply: { ...instanceExample, status: 'stopping' } },
      handler: (ctx, { params, query: { drain } }) =>
        terminateInstance(ctx, fleet(), params.id, { only, drain }),
    }),
  ]
}
