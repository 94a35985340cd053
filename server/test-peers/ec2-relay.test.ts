import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2'
import { eventually } from '#kernel/test-support.ts'
import { globalSetup, globalTeardown } from '#test/global-setup.ts'
import { NodeFleet } from '#test/node-fleet.ts'
import { FaultProxy } from './fault-proxy.ts'
import { findMoto, MotoServer } from './moto.ts'

const found = await findMoto()
const skip = 'missing' in found && found.missing
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const region = 'eu-central-1'
const SECRET = 'aws-secret-of-the-control-plane'
const DEADLINE_MS = 120_000

if (!skip) {
  await globalSetup()
  stack.defer(globalTeardown)
}
const moto = 'program' in found ? stack.use(await MotoServer.start(found.program)) : undefined

/** An account of EC2, as its owner sees it. */
async function openAccount() {
  const credentials = { accessKeyId: 'test', secretAccessKey: SECRET }
  const client = new EC2Client({ region, credentials, endpoint: moto!.url })
  stack.defer(() => client.destroy())
  const { Images } = await client.send(new DescribeImagesCommand({ Owners: ['amazon'] }))
  const alive = async () => {
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}))
    const all = Reservations.flatMap(({ Instances = [] }) => Instances)
    return all.filter(({ State }) => State?.Name === 'running')
  }
  return { client, alive, imageId: Images![0]!.ImageId! }
}

/** The settings that the start script of a machine writes. */
function settingsIn(call: URLSearchParams): { script: string; settings: Record<string, string> } {
  const script = Buffer.from(call.get('UserData')!, 'base64').toString()
  const [, written = ''] = /node\.env <<'GANTRY_END'\n(.*?)\nGANTRY_END/s.exec(script) ?? []
  const pairs = written.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2))
  return { script, settings: Object.fromEntries(pairs) }
}

test(
  'a relay on EC2 is started with what it needs and no more, outlives its control plane, and is ended with its machine',
  { skip },
  async () => {
    await using proxy = await FaultProxy.open(moto!.url)
    const { client, alive, imageId } = await openAccount()
    const foreign = new RunInstancesCommand({ ImageId: imageId, MinCount: 1, MaxCount: 1 })
    const theirs = (await client.send(foreign)).Instances![0]!.InstanceId!
    const ours = async () => (await alive()).filter(({ InstanceId }) => InstanceId !== theirs)
    await using control = await NodeFleet.open({
      ...{ EC2_REGION: region, EC2_AMI: imageId, EC2_ENDPOINT: proxy.url, EC2_TAGS: 'team=search' },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: SECRET },
      ...{ PUBLIC_URL: 'https://gantry.example' },
    })
    const relayOf = (id: string) => control.get(`/relays/${id}`)

    const started = await control.post('/proxy/start', { provider: 'ec2' })
    assert.equal(started.status, 202, JSON.stringify(started.body))
    const { id, instanceId } = started.body
    const [machine] = await eventually('its machine runs', async () => {
      const machines = await ours()
      return machines.length === 1 && machines
    })

    const [call] = proxy.callsOf('RunInstances')
    const { script, settings } = settingsIn(call!)
    const { JOIN_TOKEN: token, ...rest } = settings
    assert.deepEqual(rest, {
      ...{ ROLES: 'relay', HOST: '0.0.0.0', CONTROL_PLANE_URL: 'https://gantry.example' },
      ...{ INSTANCE_ID: instanceId, GANTRY_HOME: '/var/lib/gantry', LOG_FORMAT: 'json' },
    })
    assert.match(token!, /^join_[\w-]{43}$/)
    assert.ok(!script.includes(SECRET) && !script.includes(control.token))
    assert.equal(call!.get('MetadataOptions.HttpTokens'), 'required')
    assert.equal(call!.get('MetadataOptions.HttpPutResponseHopLimit'), '1')
    const tags = Object.fromEntries(machine!.Tags!.map(({ Key, Value }) => [Key, Value]))
    assert.match(tags['gantry:managed'] ?? '', /^[0-9a-f]{16}$/)
    assert.deepEqual(
      [tags['gantry:purpose'], tags['gantry:instance'], tags.team],
      ['relay', instanceId, 'search'],
    )

    const fingerprint = randomBytes(32).toString('hex').toUpperCase().match(/../g)!.join(':')
    const joined = await control.post('/relay/join', {
      ...{ token, fingerprint, version: '0.1.0', url: 'http://127.0.0.1:8720' },
    })
    assert.deepEqual([joined.status, joined.body.relayId], [201, id])
    const told = { authorization: `Bearer ${joined.body.credential}` }
    let sequence = 0
    const beat = () => control.post('/relay/beat', { sequence: ++sequence, facts: facts() }, told)
    assert.equal((await beat()).status, 200)

    control.api.signal('SIGKILL')
    await control.start()
    assert.equal((await beat()).status, 200)
    assert.equal((await relayOf(id)).status, 'running')
    await eventually(
      'what runs is known to the next control plane',
      async () => {
        const instance = await control.get(`/fleet/instances/${instanceId}`)
        return instance.status === 'running' && instance.instanceId === machine!.InstanceId
      },
      DEADLINE_MS,
    )
    assert.deepEqual([(await ours()).length, proxy.callsOf('RunInstances').length], [1, 1])

    const stopped = await control.post('/proxy/stop', { relayId: id })
    assert.equal(stopped.status, 202)
    assert.ok((await beat()).body.stop)
    assert.equal((await control.post('/relay/leave', { sequence: ++sequence }, told)).status, 204)
    await eventually('its machine is gone', async () => (await ours()).length === 0, DEADLINE_MS)
    assert.equal((await beat()).status, 401)
    assert.ok((await alive()).some(({ InstanceId }) => InstanceId === theirs))
  },
)

test(
  'a relay that is stopped while its machine boots leaves none behind, though the control plane dies in between',
  { skip },
  async () => {
    await using proxy = await FaultProxy.open(moto!.url)
    const { alive, imageId } = await openAccount()
    const before = (await alive()).length
    await using control = await NodeFleet.open({
      ...{ EC2_REGION: region, EC2_AMI: imageId, EC2_ENDPOINT: proxy.url },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: SECRET },
      PUBLIC_URL: 'https://gantry.example',
    })
    const { id, instanceId } = (await control.post('/proxy/start', { provider: 'ec2' })).body
    const isThere = async () => (await alive()).length > before
    await eventually('its machine runs', isThere)
    proxy.fail('TerminateInstances', { code: 'RequestLimitExceeded', status: 503 }, 2)
    await control.post('/proxy/stop', { relayId: id })
    control.api.signal('SIGKILL')
    await control.start()
    await eventually('it is ended', async () => !(await isThere()), DEADLINE_MS)
    await eventually(
      'and known to be',
      async () => (await control.get(`/fleet/instances/${instanceId}`)).status === 'terminated',
      DEADLINE_MS,
    )
    assert.equal((await control.get(`/relays/${id}`)).status, 'stopped')
    assert.equal(proxy.callsOf('RunInstances').length, 1)
  },
)

function facts() {
  return {
    ...{ version: '0.1.0', draining: false, links: 0, tunnels: 0, streams: 0, requests: 0 },
    ...{ failures: 0, bytesIn: 0, bytesOut: 0, cpu: 0.1, eventLoopDelayMs: 1, memoryMib: 90 },
    ...{ uptimeSeconds: 60, now: new Date().toISOString() },
  }
}
