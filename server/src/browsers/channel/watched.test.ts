import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pino from 'pino'
import type { Context } from '#kernel/context.ts'
import { startApp } from '#test/app.ts'
import type { SessionNode } from '../node/session-node.ts'
import type { BrowserRuntime } from '../runtime.ts'
import type { FeedEvent } from '../watch/feed.ts'
import { QUIET_MS } from './limits.ts'
import { Watched } from './watched.ts'

const log = pino({ level: 'silent' })
const app = await startApp({ browsers: true })
after(() => app[Symbol.asyncDispose]())
const ann = await app.person()
const { sessions } = app.app.browsers!

/** The sessions of this process over a way that breaks without a word, as one to another machine does. */
class Way implements Pick<SessionNode, 'follow'> {
  #age = 0

  break(): void {
    this.#age++
  }

  follow: SessionNode['follow'] = (id, options, listener) => {
    const age = this.#age
    return sessions.follow(id, options, (event) => age === this.#age && listener(event))
  }
}

test('a session on another machine is asked for again when it is quiet, and nothing is lost or told twice', async () => {
  const { id } = (await ann.post('/v1/sessions')).body
  const { feed } = sessions.get(id)!
  // A node goes on listening for those whose connection has ended.
  using _lingering = sessions.watch(id, new Set())
  const way = new Way()
  const runtime = { nodes: { get: () => way } } as unknown as BrowserRuntime
  let nowMs = 0
  const clock = { now: () => new Date(), monotonicMs: () => nowMs }
  const ctx = { ...ann.ctx, accountId: ann.accountId, log, clock } as Context
  const events: FeedEvent[] = []
  using watched = new Watched({
    ...{ runtime, sessionId: id, log, after: feed.lastId, kinds: new Set(['state'] as const) },
    deliver: (_id, event) => events.push(event),
  })
  await watched.start(ctx)
  watched.release()
  // The browser tells of its page too.
  const numbers = () => events.map(({ data }) => data.number).filter(Boolean)

  feed.publish('state', { number: 1 })
  way.break()
  feed.publish('state', { number: 2 })
  feed.publish('state', { number: 3 })
  nowMs += QUIET_MS - 1
  await watched.look(ctx)
  assert.deepEqual(numbers(), [1])
  nowMs += 1
  await watched.look(ctx)
  feed.publish('state', { number: 4 })
  // One that was only quiet goes on as it was.
  nowMs += QUIET_MS
  await watched.look(ctx)
  feed.publish('state', { number: 5 })
  assert.deepEqual(numbers(), [1, 2, 3, 4, 5])
  assert.equal(watched.lastId, feed.lastId)
})

test('where the feed stands is known at once, wherever the session is', async () => {
  const { id } = (await ann.post('/v1/sessions')).body
  const { feed } = sessions.get(id)!
  const runtime = { nodes: { get: () => new Way() } } as unknown as BrowserRuntime
  const ctx = { ...ann.ctx, accountId: ann.accountId, log } as Context
  using watched = new Watched({
    ...{ runtime, sessionId: id, log, after: undefined, kinds: new Set(['state'] as const) },
    deliver: () => {},
  })
  await watched.start(ctx)
  assert.equal(watched.lastId, feed.lastId)
  assert.equal(feed.publish('state', {}).id, watched.lastId)
})
