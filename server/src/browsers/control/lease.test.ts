import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#kernel/clock.ts'
import { type ControlChange, ControlLease, type ControlLeaseOptions, type Holder } from './lease.ts'

const ann: Holder = { kind: 'person', id: 'usr_ann', name: 'Ann' }
const bob: Holder = { kind: 'person', id: 'usr_bob', name: 'Bob' }
const robot: Holder = { kind: 'program', id: 'key_robot' }
const MINUTE = { seconds: 60 }

/** A lease whose time stands still unless it is moved on, and everything that it announced. */
function leaseAt(options: Partial<ControlLeaseOptions> = {}) {
  let nowMs = Date.parse('2026-01-01T12:00:00Z')
  const changes: ControlChange[] = []
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs }
  const lease = new ControlLease({ clock, onChange: (change) => changes.push(change), ...options })
  const names = () => changes.map(({ name, holder }) => `${name} ${holder.id}`)
  return { lease, changes, names, pass: (seconds: number) => void (nowMs += seconds * 1000) }
}

test('everybody may drive while nobody holds control, and then only the holder', () => {
  const { lease } = leaseAt()
  assert.ok(lease.mayDrive(ann) && lease.mayDrive(robot))
  assert.equal(lease.holds(ann), false)
  assert.equal(lease.request(ann, MINUTE), 'granted')
  assert.ok(lease.mayDrive(ann) && lease.holds({ ...ann, name: 'Ann in another window' }))
  assert.equal(lease.mayDrive(robot), false)
  assert.equal(lease.mayDrive({ kind: 'program', id: ann.id }), false)
})

test('of two who ask at once one wins and the other waits', async () => {
  const { lease, names } = leaseAt()
  const ask = async (holder: Holder) => lease.request(holder, MINUTE)
  assert.deepEqual(await Promise.all([ask(ann), ask(bob)]), ['granted', 'waiting'])
  assert.deepEqual(lease.state.holder, ann)
  assert.deepEqual(names(), ['control.granted usr_ann', 'control.requested usr_bob'])
})

test('a program hands over to the person who waits, and goes on when control comes back', () => {
  const { lease, changes } = leaseAt()
  lease.request(robot, MINUTE)
  lease.request(ann, { seconds: 120, reason: 'second factor' })
  assert.equal(lease.return(robot), 'returned')
  assert.equal(lease.mayDrive(robot), false)
  assert.equal(lease.return(ann, 'signed in'), 'returned')
  assert.ok(lease.mayDrive(robot))
  assert.deepEqual(changes.slice(-3), [
    { name: 'control.returned', holder: robot, why: 'returned', to: ann, reason: undefined },
    {
      ...{ name: 'control.granted', holder: ann, reason: 'second factor', from: robot },
      expiresAt: '2026-01-01T12:02:00.000Z',
    },
    { name: 'control.returned', holder: ann, why: 'returned', to: undefined, reason: 'signed in' },
  ])
})

test('control is offered to somebody by name, by its holder only', () => {
  const { lease } = leaseAt()
  assert.equal(lease.offer(robot, ann, { seconds: 30, reason: 'captcha' }), 'granted')
  assert.equal(lease.offer(robot, bob), 'refused')
  assert.equal(lease.offer(ann, bob, MINUTE), 'granted')
  assert.deepEqual(lease.state.holder, bob)
  assert.equal(lease.offer(bob), 'free')
  assert.equal(lease.state.holder, undefined)
})

test('those who wait are served in the order in which they came, each once', () => {
  const { lease, names } = leaseAt({ maxRequests: 2 })
  lease.request(robot, MINUTE)
  assert.equal(lease.request(ann, MINUTE), 'waiting')
  assert.equal(lease.request(bob, MINUTE), 'waiting')
  assert.equal(lease.request(ann, { seconds: 5 }), 'waiting')
  assert.equal(lease.request({ kind: 'person', id: 'usr_eve' }, MINUTE), 'full')
  assert.deepEqual(
    lease.state.requests.map(({ holder, seconds }) => [holder.id, seconds]),
    [
      ['usr_ann', 5],
      ['usr_bob', 60],
    ],
  )
  assert.equal(names().filter((name) => name === 'control.requested usr_ann').length, 1)
  assert.equal(lease.return(ann), 'withdrawn')
  assert.equal(lease.return(ann), undefined)
  lease.return(robot)
  assert.deepEqual(lease.state.holder, bob)
})

test('time that is over ends control before anybody asks, and the next is granted', () => {
  const { lease, changes, pass } = leaseAt({ maxSeconds: 100 })
  lease.request(robot, { seconds: 1_000_000 })
  lease.request(ann, MINUTE)
  assert.equal(lease.state.expiresAt, '2026-01-01T12:01:40.000Z')
  pass(99)
  assert.ok(lease.holds(robot))
  assert.equal(lease.renew(ann, 10), false)
  assert.ok(lease.renew(robot, 10))
  pass(10)
  assert.equal(lease.mayDrive(robot), false)
  assert.deepEqual(lease.state.holder, ann)
  assert.ok(changes.some((change) => 'why' in change && change.why === 'expired'))
  pass(60)
  assert.ok(lease.mayDrive(robot))
})

test('a grant without a usable length lasts a second', () => {
  const { lease, pass } = leaseAt()
  lease.request(ann, { seconds: Number.NaN })
  pass(1)
  assert.equal(lease.state.holder, undefined)
})

test('control is taken by force from whoever holds it', () => {
  const { lease, changes } = leaseAt()
  lease.request(robot, MINUTE)
  assert.equal(lease.request(ann, { ...MINUTE, force: true }), 'granted')
  assert.equal(lease.mayDrive(robot), false)
  const returned = changes.find(({ name }) => name === 'control.returned')
  assert.ok(returned && 'why' in returned)
  assert.deepEqual([returned.holder, returned.why, returned.to], [robot, 'taken', ann])
})

test('a holder whose live views are all closed for a while is gone; one who comes back is not', () => {
  const { lease, changes, pass } = leaseAt({ goneAfterSeconds: 30, maxSeconds: 10_000 })
  lease.request(ann, { seconds: 10_000 })
  const [one, two] = [lease.watch(ann), lease.watch(ann)]
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  pass(100)
  assert.ok(lease.holds(ann))
  two[Symbol.dispose]()
  pass(29)
  const three = lease.watch(ann)
  pass(29)
  assert.ok(lease.holds(ann))
  three[Symbol.dispose]()
  pass(30)
  assert.equal(lease.state.holder, undefined)
  const last = changes.at(-1)!
  assert.ok('why' in last && last.why === 'gone')
})

test('who never watched, or asks again after leaving, is not waited for', () => {
  const { lease, pass } = leaseAt({ maxSeconds: 10_000 })
  lease.request(ann, { seconds: 10_000 })
  const view = lease.watch(ann)
  view[Symbol.dispose]()
  lease.request(ann, { seconds: 10_000 })
  pass(1_000)
  assert.ok(lease.holds(ann))
})

test('requests that nobody answers, or whose asker is gone, are withdrawn', () => {
  const { lease, names, pass } = leaseAt({ requestSeconds: 300 })
  lease.request(robot, { seconds: 3_600 })
  lease.request(ann, MINUTE)
  lease.request(bob, MINUTE)
  lease.watch(bob)[Symbol.dispose]()
  pass(30)
  assert.deepEqual(
    lease.state.requests.map(({ holder }) => holder.id),
    ['usr_ann'],
  )
  pass(270)
  assert.deepEqual(lease.state.requests, [])
  const withdrawn = names().filter((name) => name.startsWith('control.withdrawn'))
  assert.deepEqual(withdrawn, ['control.withdrawn usr_bob', 'control.withdrawn usr_ann'])
})

test('a restarted process goes on with the holder, who has to come back in time', () => {
  const before = leaseAt()
  before.lease.request(ann, { seconds: 3_600, reason: 'watching' })
  before.lease.watch(ann)
  before.lease.request(robot, { ...MINUTE, reason: 'going on' })
  const snapshot = JSON.parse(JSON.stringify(before.lease.snapshot()))

  const after = leaseAt({ goneAfterSeconds: 30 })
  after.lease.restore(snapshot)
  assert.deepEqual(after.lease.state, before.lease.state)
  assert.deepEqual(after.changes, [])
  after.pass(30)
  assert.deepEqual(after.lease.state.holder, robot)

  const late = leaseAt()
  late.pass(7_200)
  late.lease.restore(snapshot)
  assert.equal(late.lease.state.holder, undefined)
  assert.ok(late.names().includes('control.returned usr_ann'))
})

test('changes are told in order, also those that a listener causes, and a listener that throws harms nobody', () => {
  const { lease, names } = leaseAt()
  const heard: string[] = []
  lease.subscribe(() => {
    throw new Error('a listener of no use')
  })
  lease.subscribe(({ name, holder }) => {
    heard.push(`${name} ${holder.id}`)
    if (name === 'control.requested') lease.return(robot)
  })
  lease.request(robot, MINUTE)
  assert.equal(lease.request(ann, MINUTE), 'waiting')
  assert.deepEqual(heard, [
    'control.granted key_robot',
    'control.requested usr_ann',
    'control.returned key_robot',
    'control.granted usr_ann',
  ])
  assert.deepEqual(names(), heard)
})

test('the end is announced by itself when its time comes', { timeout: 120_000 }, async () => {
  const ended = Promise.withResolvers<ControlChange>()
  const onChange = (change: ControlChange) => {
    if (change.name === 'control.returned') ended.resolve(change)
  }
  const lease = new ControlLease({ clock: systemClock, onChange })
  lease.request(robot, { seconds: 1 })
  const change = await ended.promise
  assert.ok('why' in change && change.why === 'expired')
  lease[Symbol.dispose]()
})
