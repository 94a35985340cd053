import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { relayJudge } from './judge.ts'
import { keepRound } from './loop.ts'
import { failWithMachine } from './machine-end.ts'
import { joinToken, ToldRelay } from './test-support.ts'

const app = await startApp({
  env: {
    ...{ EC2_REGIONS: 'eu-central-1', EC2_LAUNCH_TEMPLATE: 'gantry' },
    // Nobody is there: what is launched stays as it was asked for.
    ...{ EC2_ENDPOINT: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
  },
})
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const ctx = app.app.systemContext()
const { relayParts: parts } = app.app

interface Started {
  relayId: string
  instanceId: string
}

async function startOnEc2(): Promise<Started> {
  const { status, body } = await root.post('/v1/proxy/start', { provider: 'ec2' })
  assert.equal(status, 202, JSON.stringify(body))
  return { relayId: body.id, instanceId: body.instanceId }
}

/** The relay of that machine, as its process joins: with the token of the machine. */
async function join({
  relayId,
  instanceId,
}: Started): Promise<{ relay: ToldRelay; token: string }> {
  const { token, id } = (await root.post('/v1/fleet/join-tokens', { name: 'test' })).body
  await ctx.db.updateTable('fleetJoinTokens').set({ instanceId }).where('id', '=', id).execute()
  const relay = new ToldRelay(app)
  assert.equal((await relay.joinWith(token)).status, 201)
  assert.equal(relay.id, relayId)
  return { relay, token }
}

const statusOf = async ({ relayId }: Started) =>
  (await root.get(`/v1/relays/${relayId}`)).body.status

/** Whether the machine is about to be ended, or was, by a job that outlives every process. */
const isEnding = async ({ instanceId }: Started) => {
  const { body } = await root.get(`/v1/fleet/instances/${instanceId}`)
  return body.status === 'stopping' || body.status === 'terminated'
}

const ageOf = (minutes: number) => new Date(ctx.clock.now().getTime() - minutes * 60_000)

async function age({ relayId }: Started, minutes: number): Promise<void> {
  const statusSince = ageOf(minutes)
  await ctx.db.updateTable('relays').set({ statusSince }).where('id', '=', relayId).execute()
}

/** Rounds of another process may come in between: of two at once one acts. */
const rounds = (until: () => Promise<boolean>) =>
  eventually('a round has acted', async () => {
    await keepRound(ctx, parts)
    return until()
  })

async function silence(relayId: string): Promise<void> {
  const clock = { ms: 0, now: () => ctx.clock.now(), monotonicMs: () => clock.ms }
  const judge = relayJudge(clock, parts)
  const found: string[] = []
  for (; clock.ms <= 32_000; clock.ms += 2_000) found.push(...(await judge.look(ctx)))
  assert.ok(found.includes(relayId))
}

test('the machine of a relay that never joins is ended, and what comes late is turned away', async () => {
  const started = await startOnEc2()
  await age(started, 11)
  await rounds(async () => (await statusOf(started)) === 'error')
  assert.ok(await isEnding(started))

  const token = await joinToken(root)
  await ctx.db
    .updateTable('fleetJoinTokens')
    .set({ instanceId: started.instanceId })
    .where('instanceId', 'is', null)
    .execute()
  const late = await new ToldRelay(app).joinWith(token)
  assert.deepEqual([late.status, late.body.code], [403, 'relay.join_refused'])
  await age(started, 11)
  await rounds(async () => (await statusOf(started)) === 'stopped')
  const { body } = await root.get(`/v1/relays/${started.relayId}`)
  assert.match(body.errorMessage, /did not join within 10 minutes; it did not come back/)
})

test('the machine of a relay that could not be launched is ended, one that has come outlives a failed restart', async () => {
  const [lost, lives] = [await startOnEc2(), await startOnEc2()]
  await join(lives)
  const reader = failWithMachine(() => parts)
  for (const { instanceId: id } of [lost, lives]) {
    const fact = { kind: 'instance.error', data: { id, message: 'no capacity' } }
    await reader.handle(ctx, fact as Parameters<typeof reader.handle>[1])
  }
  assert.deepEqual([await statusOf(lost), await isEnding(lost)], ['error', true])
  assert.deepEqual([await statusOf(lives), await isEnding(lives)], ['running', false])
})

test('the machine of a relay that is silent and does not come back is ended by the next who keeps relays', async () => {
  const started = await startOnEc2()
  const { relay, token } = await join(started)
  await silence(relay.id)
  assert.equal(await statusOf(started), 'error')
  await rounds(async () => true)
  assert.equal(await isEnding(started), false, 'it may come back')
  assert.equal((await relay.beat()).status, 200)
  await silence(relay.id)

  await age(started, 11)
  assert.deepEqual(await keepRound(ctx, parts, { mayEnd: false }), [], 'we were away ourselves')
  await rounds(async () => (await statusOf(started)) === 'stopped')
  assert.ok(await isEnding(started))
  assert.deepEqual((await relay.beat()).status, 401)
  assert.deepEqual((await relay.joinWith(token)).body.code, 'relay.join_refused')
})

test('one that went by itself and does not come again is ended; one that is not ours is left alone', async () => {
  const started = await startOnEc2()
  const { relay } = await join(started)
  await relay.beat({ leaving: true, facts: { draining: true } })
  await relay.leave()
  const foreign = await ToldRelay.join(app, root)
  await foreign.leave()
  const other = { relayId: foreign.id, instanceId: '' }
  for (const one of [started, other]) await age(one, 11)
  await rounds(() => isEnding(started))
  assert.equal((await relay.beat()).status, 401)
  assert.equal((await foreign.beat()).status, 200)
})

test('one that is told to stop, beats on and does not go is ended with its machine', async () => {
  const started = await startOnEc2()
  const { relay } = await join(started)
  assert.equal((await root.post('/v1/proxy/stop', { relayId: relay.id, drain: false })).status, 202)
  assert.ok((await relay.beat()).body.stop)
  await rounds(async () => true)
  assert.equal(await isEnding(started), false, 'it has a minute to go by itself')

  const drainUntil = ageOf(2)
  await ctx.db.updateTable('relays').set({ drainUntil }).where('id', '=', relay.id).execute()
  await relay.beat({ facts: { draining: true, streams: 3 } })
  await rounds(() => isEnding(started))
  assert.equal(await statusOf(started), 'stopped')
  assert.equal((await relay.beat()).status, 401)
  const { body } = await root.get(`/v1/relays/${relay.id}`)
  assert.match(body.errorMessage, /did not stop in time/)
})

test('a machine of a relay that nobody knows, as after a database was lost, is ended', async () => {
  const [stray, young, known] = [await startOnEc2(), await startOnEc2(), await startOnEc2()]
  for (const { instanceId } of [stray, known]) {
    await ctx.db
      .updateTable('fleetInstances')
      .set({ createdAt: ageOf(11) })
      .where('id', '=', instanceId)
      .execute()
  }
  for (const { relayId } of [stray, young]) {
    const lost = { instanceId: null }
    await ctx.db.updateTable('relays').set(lost).where('id', '=', relayId).execute()
  }
  await keepRound(ctx, parts, { mayEnd: false })
  assert.equal(await isEnding(stray), false, 'we were away ourselves')
  await rounds(() => isEnding(stray))
  assert.deepEqual([await isEnding(young), await isEnding(known)], [false, false])
})
