import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plan } from './plan.ts'
import type { Action, Facts, MachineFact } from './plan-types.ts'
import { PoolSettings } from './schema.ts'
import { DRAIN_REASONS } from './states.ts'

const NOW = new Date('2026-11-20T12:00:00.000Z')
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000)

const settings = (change: Partial<PoolSettings> = {}) => PoolSettings.parse({ max: 5, ...change })
const facts = (machines: MachineFact[], change: Partial<Facts> = {}): Facts => ({
  ...{ machines, queued: 0, oldestQueuedSeconds: 0, lastScaleOutAt: null, lastScaleInAt: null },
  failures: { count: 0, lastAt: null },
  ...change,
})

function machine(id: string, change: Partial<MachineFact> = {}): MachineFact {
  return {
    ...{ id, status: 'running', managed: true, pooled: true, assigned: false },
    ...{ terminateAfterIdleMinutes: null, startedAt: ago(86_400), lastActivityAt: ago(86_400) },
    isUnhealthy: false,
    node: node(),
    ...change,
  }
}

function node(change: Partial<NonNullable<MachineFact['node']>> = {}) {
  return {
    ...{
      goneSince: null,
      drainReason: null,
      knowsItDrains: false,
      drainingSince: null,
      sessions: 0,
      capacity: 10,
    },
    ...change,
  }
}

test('a pool below its minimum is filled at once, cool-down or not', () => {
  const actions = plan(facts([machine('a')], { lastScaleOutAt: ago(1) }), settings({ min: 3 }), NOW)
  assert.deepEqual(actions, [{ kind: 'launch', count: 2 }])
})

test('a queue that has waited long enough brings as many machines as it needs, and no more than may be', () => {
  const busy = machine('a', { node: node({ sessions: 10 }), lastActivityAt: NOW })
  const queue = (queued: number, oldestQueuedSeconds: number) =>
    plan(facts([busy], { queued, oldestQueuedSeconds }), settings(), NOW)
  assert.deepEqual(queue(15, 1), [])
  assert.deepEqual(queue(15, 5), [{ kind: 'launch', count: 2 }])
  assert.deepEqual(queue(500, 5), [{ kind: 'launch', count: 4 }])
})

test('places elsewhere are used before machines are launched', () => {
  const own = machine('own', { pooled: false, managed: false, node: node({ sessions: 4 }) })
  const wanted = (queued: number) =>
    plan(facts([own], { queued, oldestQueuedSeconds: 60 }), settings(), NOW)
  assert.deepEqual(wanted(6), [])
  assert.deepEqual(wanted(7), [{ kind: 'launch', count: 1 }])
})

test('after a launch the next waits for the cool-down', () => {
  const busy = machine('a', { node: node({ sessions: 10 }), lastActivityAt: NOW })
  const at = (lastScaleOutAt: Date) =>
    plan(facts([busy], { queued: 5, oldestQueuedSeconds: 60, lastScaleOutAt }), settings(), NOW)
  assert.deepEqual(at(ago(59)), [])
  assert.deepEqual(at(ago(60)), [{ kind: 'launch', count: 1 }])
})

test('each failure doubles the wait before the next launch', () => {
  const after = (count: number, seconds: number) =>
    plan(facts([], { failures: { count, lastAt: ago(seconds) } }), settings({ min: 1 }), NOW)
  assert.deepEqual(after(1, 59), [])
  assert.equal(after(1, 60).length, 1)
  assert.deepEqual(after(3, 239), [])
  assert.equal(after(3, 240).length, 1)
  assert.equal(after(50, 15 * 60).length, 1)
})

test('an idle machine is drained, and ends once its node knows and is empty', () => {
  const idle = machine('a', { lastActivityAt: ago(600) })
  assert.deepEqual(plan(facts([idle]), settings(), NOW), [
    { kind: 'drain', id: 'a', reason: 'idle' },
  ])
  const draining = (change: object) =>
    plan(facts([{ ...idle, node: node({ drainReason: 'idle', ...change }) }]), settings(), NOW)
  assert.deepEqual(draining({}), [])
  assert.deepEqual(draining({ knowsItDrains: true, sessions: 1 }), [])
  assert.deepEqual(draining({ knowsItDrains: true }), [
    { kind: 'terminate', id: 'a', reason: 'drained' },
  ])
})

test('after a launch or a drain the next drain waits for the cool-down, and while anybody queues there is none', () => {
  const idle = machine('a', { lastActivityAt: ago(600) })
  const when = (change: Partial<Facts>) => plan(facts([idle], change), settings(), NOW).length
  assert.equal(when({ lastScaleInAt: ago(299) }), 0)
  assert.equal(when({ lastScaleOutAt: ago(299) }), 0)
  assert.equal(when({ queued: 1 }), 0)
  assert.equal(when({ lastScaleInAt: ago(300), lastScaleOutAt: ago(300) }), 1)
})

test('a machine whose node leaves by itself is replaced, and ends with it', () => {
  const leaving = (seconds: number) => node({ knowsItDrains: true, drainingSince: ago(seconds) })
  const at = (seconds: number) =>
    plan(facts([machine('a', { node: leaving(seconds) })]), settings({ min: 1 }), NOW)
  assert.deepEqual(at(59), [{ kind: 'launch', count: 1 }])
  assert.deepEqual(at(60)[0], { kind: 'drain', id: 'a', reason: 'leaving' })
  const gone = node({ goneSince: ago(1), drainReason: 'idle' })
  assert.deepEqual(plan(facts([machine('a', { node: gone })]), settings(), NOW), [
    { kind: 'terminate', id: 'a', reason: 'drained' },
  ])
})

test('spare machines are kept beyond the need', () => {
  const busy = machine('a', { node: node({ sessions: 5 }), lastActivityAt: NOW })
  const free = machine('b', { lastActivityAt: ago(86_400) })
  assert.deepEqual(plan(facts([busy, free]), settings({ spare: 1 }), NOW), [])
  assert.deepEqual(plan(facts([busy]), settings({ spare: 1 }), NOW), [{ kind: 'launch', count: 1 }])
})

test('a pool whose maximum is 0 is left as it is', () => {
  const idle = machine('a', { lastActivityAt: ago(86_400) })
  const dead = machine('b', { node: node({ goneSince: ago(600) }) })
  const queue = { queued: 9, oldestQueuedSeconds: 60 }
  assert.deepEqual(plan(facts([idle, dead], queue), settings({ max: 0 }), NOW), [])
})

test('a machine that was about to go comes back before a new one is launched', () => {
  const going = machine('a', { node: node({ drainReason: 'idle', sessions: 1 }) })
  const busy = machine('b', { node: node({ sessions: 10 }), lastActivityAt: NOW })
  const actions = plan(
    facts([going, busy], { queued: 3, oldestQueuedSeconds: 60 }),
    settings(),
    NOW,
  )
  assert.deepEqual(actions, [{ kind: 'undrain', id: 'a' }])
})

test('a spot machine that is taken back is replaced and ends when empty; what an operator drains stays', () => {
  const spot = machine('a', { node: node({ drainReason: 'spot', sessions: 4 }) })
  assert.deepEqual(plan(facts([spot]), settings({ min: 1 }), NOW), [{ kind: 'launch', count: 1 }])
  const empty = node({ drainReason: 'spot', knowsItDrains: true })
  assert.deepEqual(plan(facts([machine('a', { node: empty })]), settings(), NOW), [
    { kind: 'terminate', id: 'a', reason: 'drained' },
  ])
  const asked = node({ drainReason: 'asked', knowsItDrains: true })
  assert.deepEqual(plan(facts([machine('a', { node: asked })]), settings(), NOW), [])
})

test('the dead and those that never joined are ended, and replaced once there is room', () => {
  const dead = machine('a', { node: node({ goneSince: ago(120) }) })
  const sleeper = machine('b', { node: undefined, startedAt: ago(600) })
  assert.deepEqual(plan(facts([dead, sleeper]), settings({ min: 2, max: 3 }), NOW), [
    { kind: 'terminate', id: 'a', reason: 'dead' },
    { kind: 'terminate', id: 'b', reason: 'never_joined' },
    { kind: 'launch', count: 1 },
  ])
})

test('the hardware and the beat agree sooner that a machine is dead', () => {
  const silent = (isUnhealthy: boolean) =>
    plan(
      facts([machine('a', { isUnhealthy, node: node({ goneSince: ago(10) }) })]),
      settings(),
      NOW,
    )
  assert.deepEqual(silent(true), [{ kind: 'terminate', id: 'a', reason: 'dead' }])
  assert.deepEqual(silent(false), [])
})

test('a machine that restarts has its time to come back', () => {
  const back = machine('a', { startedAt: ago(60), node: node({ goneSince: ago(30) }) })
  assert.deepEqual(plan(facts([back]), settings({ min: 1 }), NOW), [])
})

test('a machine outside of the pool goes only when it was asked to go when idle', () => {
  const mine = { pooled: false, assigned: true, lastActivityAt: ago(1800) }
  assert.deepEqual(plan(facts([machine('a', mine)]), settings(), NOW), [])
  assert.deepEqual(
    plan(facts([machine('a', { ...mine, terminateAfterIdleMinutes: 30 })]), settings(), NOW),
    [{ kind: 'drain', id: 'a', reason: 'idle' }],
  )
})

const anyNode = fc.record({
  goneSince: fc.option(fc.integer({ min: 0, max: 600 }).map(ago)),
  drainReason: fc.constantFrom(null, ...DRAIN_REASONS),
  knowsItDrains: fc.boolean(),
  drainingSince: fc.option(fc.integer({ min: 0, max: 600 }).map(ago)),
  capacity: fc.integer({ min: 0, max: 20 }),
  sessions: fc.integer({ min: 0, max: 20 }),
})
const anyMachine = fc.record({
  status: fc.constantFrom('provisioning', 'running', 'stopping', 'error' as const),
  managed: fc.boolean(),
  pooled: fc.boolean(),
  assigned: fc.boolean(),
  terminateAfterIdleMinutes: fc.option(fc.integer({ min: 1, max: 60 })),
  startedAt: fc.integer({ min: 0, max: 7200 }).map(ago),
  lastActivityAt: fc.integer({ min: 0, max: 7200 }).map(ago),
  isUnhealthy: fc.boolean(),
  node: fc.option(anyNode, { nil: undefined }),
})
const anyFacts = fc.record({
  machines: fc
    .array(anyMachine, { maxLength: 12 })
    .map((all) => all.map((one, index) => ({ id: `m${index}`, ...one }))),
  queued: fc.integer({ min: 0, max: 100 }),
  oldestQueuedSeconds: fc.integer({ min: 0, max: 60 }),
  lastScaleOutAt: fc.option(fc.integer({ min: 0, max: 600 }).map(ago)),
  lastScaleInAt: fc.option(fc.integer({ min: 0, max: 600 }).map(ago)),
  failures: fc.record({
    count: fc.integer({ min: 0, max: 8 }),
    lastAt: fc.option(fc.integer({ min: 0, max: 2000 }).map(ago)),
  }),
})
const anySettings = fc
  .record({
    min: fc.integer({ min: 0, max: 6 }),
    more: fc.integer({ min: 0, max: 6 }),
    spare: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ min, more, spare }) => settings({ min, max: min + more, spare }))

test('what an operator has drained to end is ended when it is empty, also when it is not ours', () => {
  const ending = (change: object) =>
    machine('a', { node: node({ drainReason: 'ending', ...change }) })
  const planned = (one: MachineFact) => plan(facts([one]), settings({ max: 0 }), NOW)
  const end = [{ kind: 'terminate', id: 'a', reason: 'drained' }]
  assert.deepEqual(planned(ending({ knowsItDrains: true, sessions: 1 })), [])
  assert.deepEqual(planned(ending({})), [])
  const empty = ending({ knowsItDrains: true })
  assert.deepEqual(planned(empty), end)
  assert.deepEqual(planned({ ...empty, managed: false, pooled: false, assigned: true }), end)
  assert.deepEqual(planned(ending({ goneSince: ago(0) })), end)
})

test('what is to restart is restarted once, when it is empty, and not ended or called back meanwhile', () => {
  const of = (drainReason: 'restarting' | 'rebooting', change: object) =>
    plan(
      facts([machine('a', { node: node({ drainReason, ...change }) })]),
      settings({ min: 1 }),
      NOW,
    ).filter(({ kind }) => kind !== 'launch')
  const restart = [{ kind: 'restart', id: 'a' }]
  assert.deepEqual(of('restarting', { knowsItDrains: true, sessions: 1 }), [])
  assert.deepEqual(of('restarting', { knowsItDrains: true }), restart)
  assert.deepEqual(of('restarting', { goneSince: ago(0) }), restart)
  assert.deepEqual(of('rebooting', { knowsItDrains: true }), [])
})

test('whatever the facts: at most `max` exist, and nothing busy, foreign, assigned or built in is ended', () => {
  fc.assert(
    fc.property(anyFacts, anySettings, (facts, settings) => {
      const actions = plan(facts, settings, NOW)
      const byId = new Map(facts.machines.map((one) => [one.id, one]))
      const exist = facts.machines.filter(
        ({ pooled, managed, assigned, status }) =>
          pooled && managed && !assigned && status !== 'error',
      ).length
      const launched = actions.reduce((n, one) => n + (one.kind === 'launch' ? one.count : 0), 0)
      assert.ok(launched === 0 || exist + launched <= settings.max, 'above max')
      for (const action of actions) {
        if (action.kind !== 'terminate') continue
        const { managed, assigned, pooled, node } = byId.get(action.id)!
        const isAsked = node?.drainReason === 'ending'
        assert.ok(managed || isAsked, 'ended what is not ours')
        assert.ok(!node || node.goneSince || node.sessions === 0, 'ended what is busy')
        assert.ok(action.reason === 'drained' || (pooled && !assigned), 'ended what is assigned')
      }
      const named = actions.flatMap((one) => ('id' in one ? [one.id] : []))
      assert.equal(new Set(named).size, named.length, 'two actions for one machine')
    }),
    { numRuns: 2000 },
  )
})

test('whatever the facts: what was planned, once done, is not taken back or repeated at the same moment', () => {
  fc.assert(
    fc.property(anyFacts, anySettings, (facts, settings) => {
      const first = plan(facts, settings, NOW)
      const after = applied(facts, first)
      const again = plan(after, settings, NOW)
      const fresh = new Set(after.machines.slice(facts.machines.length).map(({ id }) => id))
      const ids = (actions: readonly Action[], kind: Action['kind']) =>
        actions.flatMap((one) => (one.kind === kind && 'id' in one ? [one.id] : []))
      const [drained, undrained] = [ids(first, 'drain'), ids(first, 'undrain')]
      assert.ok(!ids(again, 'undrain').some((id) => drained.includes(id)), 'undrained again')
      assert.ok(!ids(again, 'drain').some((id) => undrained.includes(id)), 'drained again')
      assert.ok(!ids(again, 'terminate').some((id) => fresh.has(id)), 'ended what it launched')
      assert.ok(!again.some(({ kind }) => kind === 'launch') || fresh.size === 0, 'launched again')
    }),
    { numRuns: 2000 },
  )
})

test('a pool that is let be comes to its minimum, stays at most at its maximum, and then to rest', () => {
  fc.assert(
    fc.property(anyFacts, anySettings, (start, settings) => {
      let world: Facts = {
        ...{ ...start, queued: 0, failures: { count: 0, lastAt: null } },
        machines: start.machines.filter(({ node }) => node?.drainReason !== 'asked'),
      }
      let last: Action[] = []
      for (let round = 0; round < 200; round++) {
        last = plan(world, settings, NOW)
        world = aged(applied(world, last))
      }
      assert.deepEqual(last, [])
      const serving = world.machines.filter(
        ({ pooled, managed, assigned, status }) =>
          pooled && managed && !assigned && status === 'running',
      )
      if (settings.max > 0) assert.ok(serving.length <= settings.max)
      assert.ok(settings.max === 0 || serving.length >= settings.min)
    }),
    { numRuns: 200 },
  )
})

let made = 0

/** The facts once the actions have been carried out; what ends is still there. */
function applied(facts: Facts, actions: readonly Action[]): Facts {
  let { machines, lastScaleOutAt, lastScaleInAt } = facts
  const change = (id: string, to: (one: MachineFact) => MachineFact) => {
    machines = machines.map((one) => (one.id === id ? to(one) : one))
  }
  for (const action of actions) {
    if (action.kind === 'launch') {
      lastScaleOutAt = NOW
      const fresh = { startedAt: NOW, lastActivityAt: NOW, node: undefined }
      const more = Array.from({ length: action.count }, () =>
        machine(`new${++made}`, { ...fresh, status: 'provisioning' }),
      )
      machines = [...machines, ...more]
    } else if (action.kind === 'terminate') {
      change(action.id, (one) => ({ ...one, status: 'stopping' }))
    } else if (action.kind === 'restart') {
      change(action.id, (one) => ({ ...one, node: { ...one.node!, drainReason: 'rebooting' } }))
    } else {
      const drainReason = action.kind === 'drain' ? action.reason : null
      if (action.kind === 'drain') lastScaleInAt = NOW
      change(action.id, (one) => ({
        ...one,
        node: { ...one.node!, drainReason, knowsItDrains: false },
      }))
    }
  }
  return { ...facts, machines, lastScaleOutAt, lastScaleInAt }
}

/** A minute later, in a world where machines boot, sessions end and what was ended is gone. */
function aged(facts: Facts): Facts {
  const older = (time: Date) => new Date(time.getTime() - 60_000)
  const machines = facts.machines
    .filter(({ status }) => status !== 'stopping')
    .map((one): MachineFact => {
      const isNew = one.status === 'provisioning' || one.node?.drainReason === 'rebooting'
      const before = isNew ? node() : one.node
      const sessions = Math.max(0, (before?.sessions ?? 0) - 5)
      const status = one.status === 'provisioning' ? 'running' : one.status
      const knowsItDrains = before?.drainReason !== null && before?.drainReason !== undefined
      const next = before && { ...before, sessions, knowsItDrains, ...gone(before.goneSince) }
      return {
        ...{ ...one, status, startedAt: older(one.startedAt) },
        ...{ lastActivityAt: older(one.lastActivityAt), node: next },
      }
    })
  const at = (time: Date | null) => time && older(time)
  const { lastScaleOutAt, lastScaleInAt } = facts
  return {
    ...facts,
    machines,
    lastScaleOutAt: at(lastScaleOutAt),
    lastScaleInAt: at(lastScaleInAt),
  }

  function gone(goneSince: Date | null) {
    return { goneSince: goneSince && older(goneSince) }
  }
}
