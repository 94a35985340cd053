import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { serve } from '#kernel/test-http.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { globalSetup, globalTeardown } from '#test/global-setup.ts'
import { type Ec2Options, fleet, type FleetParts, keepFleet, openEc2 } from '../src/fleet/index.ts'
import { FaultProxy } from './fault-proxy.ts'
import { findMoto, MotoServer } from './moto.ts'

const found = await findMoto()
const skip = 'missing' in found && found.missing
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const DEADLINE_MS = 120_000
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const region = 'eu-central-1'
const away = 'us-east-1'

if (!skip) {
  await globalSetup()
  stack.defer(globalTeardown)
}
const moto = 'program' in found ? stack.use(await MotoServer.start(found.program)) : undefined

/** An EC2 of its own account in one region, as its owner sees it. */
async function openAccount(region: string) {
  const client = new EC2Client({ region, credentials, endpoint: moto!.url })
  stack.defer(() => client.destroy())
  const { Images } = await client.send(new DescribeImagesCommand({ Owners: ['amazon'] }))
  const alive = async () => {
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}))
    const all = Reservations.flatMap(({ Instances = [] }) => Instances)
    return all.flatMap(({ State, InstanceId }) => (State?.Name === 'running' ? [InstanceId!] : []))
  }
  const setting = { region, imageId: Images![0]!.ImageId!, subnets: [], securityGroups: [] }
  return { client, alive, setting }
}

/** The control plane of one installation: its jobs and its rounds, over a database that may be another each time. */
async function startControlPlane(
  endpoint: string,
  regions: Ec2Options['regions'],
  installationId: string,
) {
  const own = new AsyncDisposableStack()
  const database = own.use(await cloneDatabase())
  const provider = openEc2({
    ...{ credentials, endpoint, installationId, instanceTypes: ['t3.large', 'm5.large'], tags: {} },
    regions,
    controlPlaneUrl: 'https://gantry.example',
  })
  own.defer(() => provider.close?.())
  const load = { queued: 0, oldestQueuedSeconds: 0 }
  const parts: FleetParts = {
    providers: new Map([['ec2', provider]]),
    joinSecret: randomBytes(32),
    publicKeys: async () => [],
    load: async () => load,
    sessionsToEnd: async () => [],
    generationsOf: async () => ({}),
    endSessions: async () => undefined,
    accountOf: async () => undefined,
    preferencesOf: async () => ({}),
    allows: () => true,
  }
  const capability = fleet(() => parts)
  const { address } = database
  const kernel = own.use(await openTestKernel({ address, jobs: capability.jobs, graceMs: 100 }))
  const server = own.use(await serve(kernel, [capability], { ann: ['fleet.read', 'fleet.write'] }))
  await kernel.work()
  const loop = own.use(keepFleet(kernel.ctx, { parts, jobs: capability.jobsByName }))
  const request = async (method: string, path: string, body?: unknown) => {
    const answer = await server.request(method, `/api/v1/fleet/${path}`, { as: 'ann', body })
    assert.ok(answer.status < 300, JSON.stringify(answer.body))
    return answer.body
  }
  const there = async (): Promise<{ id: string; instanceId?: string; status: string }[]> =>
    (await request('GET', 'instances?limit=100')).items.filter(
      ({ status }: { status: string }) => !['terminated', 'error'].includes(status),
    )
  return {
    ...{ request, there, load, kernel },
    /** Nudges the rounds on until the fact is there. */
    until: (what: string, look: () => Promise<boolean>) =>
      eventually(
        what,
        async () => {
          loop.nudge()
          await new Promise((resolve) => setTimeout(resolve, 200))
          return look()
        },
        DEADLINE_MS,
      ),
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  }
}

test(
  'a pool on EC2 is filled through throttling and lacking capacity, heals, survives its control plane, and shrinks',
  { skip },
  async () => {
    await using proxy = await FaultProxy.open(moto!.url)
    const { client, alive, setting } = await openAccount(region)

    {
      await using first = await startControlPlane(proxy.url, [setting], 'shop')
      proxy.areSlow = true
      proxy.fail('RunInstances', { code: 'RequestLimitExceeded', status: 503 }, 3)
      const none = { code: 'InsufficientInstanceCapacity', status: 500 }
      proxy.fail('RunInstances', none, 1, (call) => call.get('InstanceType') === 't3.large')
      proxy.fail('RunInstances', 'lost', 1)
      await first.request('PUT', 'pool', { min: 3, max: 4, scaleInCooldownSeconds: 0 })
      await first.until('three machines were launched', async () => (await alive()).length === 3)
      const booting = await first.there()
      assert.ok(booting.every(({ status }) => status === 'provisioning'))
      proxy.areSlow = false
      await first.until('they run', async () => {
        const there = await first.there()
        return there.length === 3 && there.every(({ status }) => status === 'running')
      })
      assert.equal((await alive()).length, 3)

      const [victim] = await alive()
      await client.send(new TerminateInstancesCommand({ InstanceIds: [victim!] }))
      await first.until('the machine that was ended outside is replaced', async () => {
        const ids = (await first.there()).map(({ instanceId }) => instanceId)
        return ids.length === 3 && !ids.includes(victim) && ids.every(Boolean)
      })
      assert.equal((await alive()).length, 3)
    }

    const before = (await alive()).toSorted()
    await using second = await startControlPlane(proxy.url, [setting], 'shop')
    await second.until('what runs is adopted', async () => (await second.there()).length === 3)
    assert.deepEqual((await second.there()).map(({ instanceId }) => instanceId).toSorted(), before)
    assert.deepEqual((await alive()).toSorted(), before)
    await second.request('PUT', 'pool', { min: 1, max: 1 })
    await second.until('the surplus is gone', async () => (await alive()).length === 1)

    await using stranger = await startControlPlane(proxy.url, [setting], 'other')
    await stranger.request('PUT', 'pool', { min: 0, max: 1 })
    await stranger.until(
      'a round has passed',
      async () => (await stranger.request('GET', 'pool')).version > 1,
    )
    assert.deepEqual(await stranger.there(), [])
    assert.equal((await alive()).length, 1)
  },
)

test(
  'while a region is away the pool grows in the other, and what the region has is kept and ended later',
  { skip },
  async () => {
    await using proxy = await FaultProxy.open(moto!.url)
    const here = await openAccount(region)
    const there = await openAccount(away)
    const before = await here.alive()
    const regions = [here.setting, there.setting]
    await using control = await startControlPlane(proxy.url, regions, 'worldwide')
    const { id } = await control.request('POST', 'instances', { region: away })
    const statusOf = async () => (await control.request('GET', `instances/${id}`)).status
    await control.until('it runs', async () => (await statusOf()) === 'running')
    assert.equal((await there.alive()).length, 1)

    const denied = { code: 'UnauthorizedOperation', status: 403 }
    proxy.fail('DescribeInstances', denied, 1000, (_call, where) => where === away)
    await control.request('PUT', 'pool', { min: 1, max: 1, region })
    await control.until('the pool has its machine', async () => {
      const machines = await control.there()
      return machines.length === 2 && machines.every(({ status }) => status === 'running')
    })
    assert.equal((await here.alive()).length, before.length + 1)

    proxy.heal()
    await control.request('DELETE', `instances/${id}`)
    await control.until('it is ended', async () => (await statusOf()) === 'terminated')
    assert.deepEqual(await there.alive(), [])
    assert.equal((await here.alive()).length, before.length + 1)
  },
)
