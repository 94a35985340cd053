import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { serveHtml } from '../page-server.ts'
import { ServerHome } from '../process.ts'
import { Account, type Answer } from './account.ts'
import { Rental } from './rental.ts'
import { ask, closing, firstMessage, open } from './wire.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const LATER_MS = 60_000

test('a kill -9 of the server, with sessions in every state: those that live go on, the others end clean', async (t) => {
  await using home = await ServerHome.make()
  await using pages = await serveHtml('<!doctype html><title>A page</title>')
  const env = { MAX_SESSIONS: '5', WARM_BROWSERS: '0', EGRESS_ALLOW: new URL(pages.url).host }
  await using first = await (await home.start(env)).ready()
  const ann = await Account.register(first.url)
  const rent = async (wish: object = {}) => {
    const rental = await Rental.open(ann, home.path, wish)
    await rental.command('navigate', { url: pages.url })
    await rental.evaluate('void (window.kept = "here")')
    return rental
  }
  const driven = await rent()
  const watched = await rent()
  const recorded = await rent({ recording: { frames: true, network: true } })
  const ending = await rent()
  await eventually('something is recorded', () => isRecorded(recorded), LATER_MS)
  const [cdp, live] = await Promise.all([open(driven.cdpUrl), open(watched.liveUrl)])
  const cut = Promise.all([closing(cdp), closing(live)])

  // The fifth takes the last place, so the others queue: one whose client waits for it, and one whose client asks later.
  const gone: Promise<unknown>[] = [attempt(ann, {})]
  // On a machine that is busy with other things it may be ready before anybody sees it start.
  const known = new Set([driven, watched, recorded, ending].map(({ id }) => id))
  const starting = await eventually('one is starting', async () => {
    const { items } = (await ann.get('/sessions')).body
    return items.find(({ id }: { id: string }) => !known.has(id))
  })
  gone.push(attempt(ann, { queueTimeoutSeconds: 20 }))
  const waited = await eventually('one is queued', () => inState(ann, 'queued'))
  const queued = (await ann.post('/sessions', { wait: false, queueTimeoutSeconds: 600 })).body
  gone.push(ann.delete(`/sessions/${ending.id}`).catch(() => {}))
  await eventually('one is ending', async () => (await ending.show()).status === 'closed')
  first.signal('SIGKILL')
  await Promise.all([first.ended, ...gone])
  for (const { code } of await cut) assert.equal(code, 1006)

  const startedAt = performance.now()
  await using second = await (await home.start({ ...env, PORT: new URL(first.url).port })).ready()
  t.diagnostic(`ready again after ${Math.round(performance.now() - startedAt)} ms`)
  const running = { home: home.path, pid: second.child.pid! }

  for (const rental of [driven, watched, recorded]) {
    assert.equal(await rental.evaluate('window.kept'), 'here', 'the same page')
  }
  const again = await open(driven.cdpUrl)
  assert.ok((await ask(again, 1, 'Browser.getVersion')).result, 'the same address drives it')
  assert.match(await firstMessage(watched.liveUrl), /"hello"/)

  const ended = await ending.end(running)
  assert.deepEqual([ended.status, ended.endReason], ['closed', 'asked'])
  // Nobody waits for these any more: their clients were cut.
  for (const { id } of [starting, waited]) {
    const session = await eventually('it is settled', () => settled(ann, id), LATER_MS)
    t.diagnostic(
      `what was starting or waited for: ${session.status}, ${session.endReason}, ${session.errorMessage}`,
    )
    // One that has got its browser before the kill takes a place.
    await ann.delete(`/sessions/${id}`)
  }
  const got = await eventually(
    'the queued one has its browser',
    async () => {
      const { body } = await ann.get(`/sessions/${queued.id}`)
      return body.status === 'active' && body
    },
    LATER_MS,
  )
  assert.equal(got.status, 'active')

  for (const rental of [driven, watched, recorded]) await rental.end(running)
  assert.ok(await isRecorded(recorded), 'what was recorded before is kept')
  for (const { id } of [starting, waited, queued]) {
    assert.deepEqual((await ann.delete(`/sessions/${id}`)).body.wipe, CLEAN)
  }
  assert.deepEqual(await readdir(join(home.path, 'sessions')), [])
  assert.deepEqual(await readdir(join(home.path, 'run/slots')), [])
  second.signal('SIGTERM')
  assert.deepEqual(await second.ended, { code: 0, signal: null })
  assert.deepEqual(home.processes(), [])
})

/** A client that waits for its session until the server is gone. */
function attempt(account: Account, wish: object): Promise<unknown> {
  return account.post('/sessions', wish).catch(() => {})
}

async function inState(account: Account, status: string): Promise<Answer['body']> {
  return (await account.get(`/sessions?status=${status}`)).body.items[0]
}

async function isRecorded({ account, id }: Rental): Promise<boolean> {
  const { status, body } = await account.get(`/sessions/${id}/recording`)
  return status === 200 && body.parts.length > 0
}

/** It has ended clean, or has its browser. */
async function settled(account: Account, id: string): Promise<Answer['body']> {
  const { body } = await account.get(`/sessions/${id}`)
  return (body.wipe || body.status === 'active') && body
}
