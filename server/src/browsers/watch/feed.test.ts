import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { type FeedEvent, type FeedKind, type FeedOptions, SessionFeed } from './feed.ts'

const log = pino({ level: 'silent' })

function openFeed(limits: Partial<FeedOptions> = {}): SessionFeed {
  return new SessionFeed({ clock: systemClock, log, ...limits })
}

function publish(feed: SessionFeed, count: number): FeedEvent[] {
  return Array.from({ length: count }, (_, n) => feed.publish('command', { n }))
}

/** What a subscriber gets. */
function follow(feed: SessionFeed, after?: number) {
  const seen: FeedEvent[] = []
  const subscription = feed.subscribe({ after }, (event) => void seen.push(event))
  return { seen, stop: () => subscription[Symbol.dispose]() }
}

test('a subscriber without `after` gets only what is new', () => {
  const feed = openFeed()
  publish(feed, 3)
  const { seen, stop } = follow(feed)
  const [event] = publish(feed, 1)
  stop()
  publish(feed, 1)
  assert.deepEqual(seen, [event])
})

test('a subscriber that comes back gets what it missed, then goes on, each event once', () => {
  const feed = openFeed()
  const events = publish(feed, 5)
  const { seen } = follow(feed, events[1]!.id)
  const live = publish(feed, 2)
  assert.deepEqual(seen, [...events.slice(2), ...live])
})

test('a subscriber of some kinds gets no others', () => {
  const feed = openFeed()
  const seen: FeedEvent[] = []
  feed.publish('console', {})
  feed.subscribe({ after: 0, kinds: new Set(['dialog']) }, (event) => void seen.push(event))
  feed.publish('console', {})
  const dialog = feed.publish('dialog', { message: 'Sure?' })
  assert.deepEqual(seen, [dialog])
})

test('a time when nobody listened is told in its place, to those who asked for what is missing', () => {
  const feed = openFeed()
  const [before] = publish(feed, 1)
  feed.break(['console', 'dialog'])
  feed.break([])
  const [after] = publish(feed, 1)
  const kindsSeen = (kind: FeedKind) => {
    const seen: FeedKind[] = []
    const kinds = new Set<FeedKind>(['command', kind])
    feed.subscribe({ after: before!.id, kinds }, (event) => void seen.push(event.kind))
    return seen
  }
  assert.deepEqual(kindsSeen('console'), ['gap', 'command'])
  for (const kind of ['state', 'network'] as const) assert.deepEqual(kindsSeen(kind), ['command'])
  assert.deepEqual(follow(feed, after!.id).seen, [])
})

test('what is no longer kept is told first, as a gap with its size', () => {
  const feed = openFeed({ maxEvents: 4 })
  const events = publish(feed, 10)
  const { seen } = follow(feed, events[1]!.id)
  assert.deepEqual(
    seen.map(({ kind, data, id }) => (kind === 'gap' ? { id, ...data } : id)),
    [{ id: events[5]!.id, missing: 4 }, ...events.slice(6).map(({ id }) => id)],
  )
})

test('`after: 0` replays all that is kept, and tells what is not', () => {
  const feed = openFeed({ maxEvents: 4 })
  assert.deepEqual(follow(feed, 0).seen, [])
  const events = publish(feed, 4)
  assert.deepEqual(follow(feed, 0).seen, events)
  publish(feed, 3)
  assert.deepEqual(follow(feed, 0).seen[0]!.data, { missing: 3 })
})

test('an id of another feed is told as a gap of unknown size, and everything kept follows', () => {
  const feed = openFeed()
  const events = publish(feed, 2)
  for (const foreign of [5, events[1]!.id + 1_000_000]) {
    const { seen } = follow(feed, foreign)
    assert.deepEqual(seen[0]!.data, { missing: null })
    assert.deepEqual(seen.slice(1), events)
    const [live] = publish(feed, 1)
    assert.deepEqual(seen.at(-1), live)
    events.push(live!)
  }
})

test('a feed opened later continues above the ids of the earlier one', () => {
  let now = 1_800_000_000_000
  const clock = { now: () => new Date(now), monotonicMs: () => now }
  const [last] = publish(openFeed({ clock }), 900).slice(-1)
  now += 1
  assert.ok(publish(openFeed({ clock }), 1)[0]!.id > last!.id)
})

test('the bytes kept are bounded', () => {
  const feed = openFeed({ maxBytes: 10_000 })
  for (let n = 0; n < 100; n++) feed.publish('console', { text: 'x'.repeat(1_000) })
  const { seen } = follow(feed, 0)
  assert.equal(seen[0]!.kind, 'gap')
  assert.ok(JSON.stringify(seen.slice(1).map(({ data }) => data)).length < 10_000)
})

test('an event of more than 16 KiB is cut and says so; the rest of it stays', () => {
  const feed = openFeed()
  const nested: Record<string, unknown> = { list: Array.from({ length: 5_000 }, () => 'item') }
  const { data } = feed.publish('console', { text: '😀'.repeat(50_000), level: 'log', nested })
  assert.ok(Buffer.byteLength(JSON.stringify(data)) <= 16 * 1024)
  assert.equal(data.truncated, true)
  assert.equal(data.level, 'log')
  assert.match(data.text as string, /^(😀)+…$/u)
  assert.ok((data.nested as { list: unknown[] }).list.length > 0)
  nested.self = nested
  assert.equal(feed.publish('console', { nested }).data.truncated, true)
})

test('events that a listener publishes come in one order for everybody', () => {
  const feed = openFeed()
  feed.subscribe({}, ({ kind }) => void (kind === 'dialog' && feed.publish('state', {})))
  const { seen } = follow(feed)
  let late: ReturnType<typeof follow> | undefined
  feed.subscribe({}, () => void (late ??= follow(feed, 0)))
  feed.publish('dialog', {})
  assert.deepEqual(
    seen.map(({ kind }) => kind),
    ['dialog', 'state'],
  )
  assert.deepEqual(late!.seen, seen)
})

test('a subscriber that throws is dropped, and the others get everything', () => {
  const feed = openFeed()
  let calls = 0
  feed.subscribe({}, () => {
    calls += 1
    throw new Error('slow subscriber')
  })
  const { seen } = follow(feed)
  publish(feed, 3)
  assert.equal(calls, 1)
  assert.equal(seen.length, 3)
})
