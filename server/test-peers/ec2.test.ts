import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  DescribeImagesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { type Ec2Options, openEc2, ProviderFailure } from '../src/fleet/index.ts'
import { FaultProxy } from './fault-proxy.ts'
import { findMoto, MotoServer } from './moto.ts'

const found = await findMoto()
const skip = 'missing' in found && found.missing
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const region = 'eu-central-1'
const signal = AbortSignal.timeout(10 * 60_000)
const moto = 'program' in found ? stack.use(await MotoServer.start(found.program)) : undefined
const home = new EC2Client({ region, credentials, endpoint: moto?.url ?? '' })
stack.defer(() => home.destroy())
const { imageId, subnets } = moto ? await readAccount() : { imageId: '', subnets: [] }

async function readAccount(client = home) {
  const { Images = [] } = await client.send(new DescribeImagesCommand({ Owners: ['amazon'] }))
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({}))
  return { imageId: Images[0]!.ImageId!, subnets: Subnets.map(({ SubnetId }) => SubnetId!) }
}

let installations = 0

const settingOf = (change: Partial<Ec2Options['regions'][number]> = {}) => ({
  ...{ region, imageId, subnets: [], securityGroups: [] },
  ...change,
})

/** A Gantry of its own in front of the emulator, with the proxy in between. */
async function open(change: Partial<Ec2Options> = {}) {
  const proxy = await FaultProxy.open(moto!.url)
  const provider = openEc2({
    ...{ credentials, endpoint: proxy.url, regions: [settingOf()], tags: {} },
    ...{ installationId: `gantry${++installations}`, instanceTypes: ['t3.large'] },
    controlPlaneUrl: 'https://gantry.example',
    ...change,
  })
  return {
    ...{ proxy, provider },
    [Symbol.asyncDispose]: async () => {
      provider.close?.()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

let launches = 0
const spec = (change: object = {}) => ({
  ...{ instanceId: `ins_${String(++launches).padStart(26, '0')}`, purpose: 'pool', spot: false },
  ...{ tags: { team: 'search' }, joinToken: 'join_abc' },
  ...change,
})

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof ProviderFailure ? error.reason : String(error)),
  )

test(
  'a machine is launched with tags, IMDSv2 and its start script, listed, restarted and terminated',
  { skip },
  async () => {
    await using ec2 = await open({
      ...{ regions: [settingOf({ subnets: subnets.slice(0, 1) })], tags: { cost: 'web' } },
    })
    const wanted = spec({ spot: true })
    const launched = await ec2.provider.launch(wanted, signal)
    assert.match(launched.providerId, /^i-/)
    const [call] = ec2.proxy.callsOf('RunInstances')
    assert.equal(call!.get('MetadataOptions.HttpTokens'), 'required')
    assert.equal(call!.get('InstanceMarketOptions.MarketType'), 'spot')
    assert.equal(call!.get('SubnetId'), subnets[0])
    const script = Buffer.from(call!.get('UserData')!, 'base64').toString()
    assert.match(script, /^JOIN_TOKEN=join_abc$/m)
    assert.match(script, /^CONTROL_PLANE_URL=https:\/\/gantry\.example$/m)
    const [listed, ...more] = (await ec2.provider.list(signal)).machines
    assert.equal(more.length, 0)
    assert.equal(listed!.instanceId, wanted.instanceId)
    const { state, health, spot, instanceType, purpose, tags } = listed!
    assert.deepEqual(
      { state, health, spot, instanceType, purpose },
      {
        state: 'running',
        health: 'healthy',
        spot: true,
        instanceType: 't3.large',
        purpose: 'pool',
      },
    )
    assert.deepEqual([tags!.cost, tags!.team], ['web', 'search'])
    await ec2.provider.restart(launched, signal)
    await ec2.provider.terminate(launched, signal)
    await ec2.provider.terminate(launched, signal)
    const ended = await ec2.provider.describe(launched, signal)
    assert.equal(ended?.state, 'gone')
  },
)

test(
  'a machine without our tag is not seen, and not touched even by its id',
  { skip },
  async () => {
    const foreign = await home.send(
      new RunInstancesCommand({ ImageId: imageId, MinCount: 1, MaxCount: 1 }),
    )
    const providerId = foreign.Instances![0]!.InstanceId!
    await using ec2 = await open()
    await using other = await open()
    const theirs = await other.provider.launch(spec(), signal)
    for (const one of [{ providerId }, theirs]) {
      assert.equal(await ec2.provider.describe(one, signal), undefined)
      assert.equal(await reasonOf(ec2.provider.terminate(one, signal)), 'not_ours')
      assert.equal(await reasonOf(ec2.provider.restart(one, signal)), 'not_ours')
    }
    assert.deepEqual((await ec2.provider.list(signal)).machines, [])
    assert.equal(ec2.proxy.callsOf('TerminateInstances').length, 0)
    assert.equal(ec2.proxy.callsOf('RebootInstances').length, 0)
    assert.equal((await other.provider.describe(theirs, signal))?.state, 'running')
  },
)

test('an id that nobody has, or that is none, is not there', { skip }, async () => {
  await using ec2 = await open()
  for (const providerId of ['i-0123456789abcdef0', 'nonsense']) {
    assert.equal(await ec2.provider.describe({ providerId }, signal), undefined)
    await ec2.provider.terminate({ providerId }, signal)
    assert.equal(await reasonOf(ec2.provider.restart({ providerId }, signal)), 'refused')
  }
})

test(
  'throttled reads are tried again; a throttled launch is left to who asked, and made once',
  { skip },
  async () => {
    await using ec2 = await open()
    const throttled = { code: 'RequestLimitExceeded', status: 503 }
    ec2.proxy.fail('DescribeInstances', throttled, 2)
    assert.deepEqual((await ec2.provider.list(signal)).machines, [])
    assert.equal(ec2.proxy.callsOf('DescribeInstances').length, 3)
    ec2.proxy.fail('RunInstances', throttled)
    const wanted = spec()
    assert.equal(await reasonOf(ec2.provider.launch(wanted, signal)), 'throttled')
    assert.equal(ec2.proxy.callsOf('RunInstances').length, 1)
    await ec2.provider.launch(wanted, signal)
    assert.equal((await ec2.provider.list(signal)).machines.length, 1)
  },
)

test('where a zone or a type has no machines left, the next one is tried', { skip }, async () => {
  const [first, second] = subnets as [string, string]
  const types = ['c5.large', 'm5.large']
  await using ec2 = await open({
    ...{ regions: [settingOf({ subnets: [first, second] })], instanceTypes: types },
  })
  const none = { code: 'InsufficientInstanceCapacity', status: 500 }
  ec2.proxy.fail('RunInstances', none, 2, (call) => call.get('InstanceType') === 'c5.large')
  const machine = await ec2.provider.launch(spec(), signal)
  assert.equal(machine.instanceType, 'm5.large')
  const tried = ec2.proxy.callsOf('RunInstances')
  assert.deepEqual(
    tried.map((call) => [call.get('InstanceType'), call.get('SubnetId')]),
    [
      ['c5.large', first],
      ['c5.large', second],
      ['m5.large', first],
    ],
  )
  assert.equal(new Set(tried.map((call) => call.get('ClientToken'))).size, 3)
  ec2.proxy.fail('RunInstances', { code: 'VcpuLimitExceeded', status: 400 }, 4)
  assert.equal(await reasonOf(ec2.provider.launch(spec(), signal)), 'capacity')
  assert.equal((await ec2.provider.list(signal)).machines.length, 1)
})

test(
  'a launch whose answer was lost is found again, or repeated with the same token',
  { skip },
  async () => {
    await using ec2 = await open()
    const wanted = spec()
    ec2.proxy.fail('RunInstances', 'lost')
    assert.equal(await reasonOf(ec2.provider.launch(wanted, signal)), 'unavailable')
    const again = await ec2.provider.launch(wanted, signal)
    assert.equal(again.instanceId, wanted.instanceId)
    assert.equal((await ec2.provider.list(signal)).machines.length, 1)
    assert.equal(ec2.proxy.callsOf('RunInstances').length, 1)
  },
)

test('an EC2 that never answers fails the call, and a call can be given up', { skip }, async () => {
  await using ec2 = await open({ attemptMs: 200 })
  ec2.proxy.fail('RunInstances', 'hangs')
  assert.equal(await reasonOf(ec2.provider.launch(spec(), signal)), 'unavailable')
  ec2.proxy.fail('DescribeInstances', 'hangs', 10)
  assert.equal(await reasonOf(ec2.provider.list(AbortSignal.timeout(100))), 'unavailable')
})

test(
  'a machine that boots slowly is pending until it runs, and a wrong image is refused for good',
  { skip },
  async () => {
    await using ec2 = await open()
    ec2.proxy.areSlow = true
    const launched = await ec2.provider.launch(spec(), signal)
    assert.equal((await ec2.provider.describe(launched, signal))?.state, 'pending')
    ec2.proxy.areSlow = false
    assert.equal((await ec2.provider.describe(launched, signal))?.state, 'running')
    ec2.proxy.fail('RunInstances', { code: 'InvalidAMIID.NotFound', status: 400 })
    assert.equal(await reasonOf(ec2.provider.launch(spec(), signal)), 'refused')
    const bare = { region, subnets: [], securityGroups: [] }
    assert.match(openEc2({ ...plain, regions: [bare] }).refuses.launch!, /EC2_AMI/)
  },
)

const plain: Ec2Options = {
  ...{ credentials, installationId: 'x', controlPlaneUrl: 'https://gantry.example' },
  ...{ regions: [settingOf()], instanceTypes: [], tags: {} },
}

const isOf = (region: string) => (_call: URLSearchParams, where: string) => where === region

test(
  'machines are launched where they are wanted, listed over all regions, and ended in theirs',
  { skip },
  async () => {
    const away = 'us-east-1'
    const client = new EC2Client({ region: away, credentials, endpoint: moto!.url })
    stack.defer(() => client.destroy())
    const there = await readAccount(client)
    const setting = {
      region: away,
      imageId: there.imageId,
      subnets: there.subnets.slice(0, 1),
      securityGroups: [],
    }
    await using ec2 = await open({ regions: [settingOf(), setting] })
    const { provider, proxy } = ec2
    assert.deepEqual(provider.regions, [region, away])
    const usual = await provider.launch(spec(), signal)
    const wanted = spec({ region: away })
    const distant = await provider.launch(wanted, signal)
    assert.deepEqual([usual.region, distant.region], [region, away])
    assert.equal(await reasonOf(provider.launch(spec({ region: 'moon-1' }), signal)), 'refused')
    const { machines, heard, failures } = await provider.list(signal)
    const idsOf = (all: readonly { providerId: string }[]) =>
      all.map(({ providerId }) => providerId).toSorted()
    assert.deepEqual(idsOf(machines), idsOf([usual, distant]))
    assert.deepEqual([heard, failures], [[region, away], []])

    const denied = { code: 'UnauthorizedOperation', status: 403 }
    proxy.fail('DescribeInstances', denied, 1, isOf(region))
    const half = await provider.list(signal)
    assert.deepEqual([idsOf(half.machines), half.heard], [[distant.providerId], [away]])
    assert.match(half.failures![0]!.message, /^eu-central-1: EC2: UnauthorizedOperation/)
    for (const one of [region, away]) proxy.fail('DescribeInstances', denied, 1, isOf(one))
    assert.equal(await reasonOf(provider.list(signal)), 'refused')

    assert.equal(await provider.describe({ ...distant, region }, signal), undefined)
    await provider.restart(distant, signal)
    // Without the region in its settings it launches nothing there, and ends what is there.
    await using smaller = await open({ installationId: `gantry${installations}` })
    assert.equal((await smaller.provider.list(signal)).machines.length, 1)
    await smaller.provider.terminate(distant, signal)
    assert.equal((await provider.describe(distant, signal))?.state, 'gone')
    assert.equal((await provider.describe(usual, signal))?.state, 'running')
  },
)
