import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'
import { type ChannelEvent, TestClient } from './test-client.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const pages = stack.use(await serveHtml('<!doctype html><title>A shop</title><h1>Shop</h1>'))

async function newSession(person: Person): Promise<string> {
  const { status, body } = await person.post('/v1/sessions')
  assert.equal(status, 201)
  return body.id
}

/** Publishes in the session's own feed, as its pages do. */
const feedOf = (id: string) => app.app.browsers!.sessions.get(id)!.feed

/** One browser for what needs no other. */
const ann = await app.person()
const id = await newSession(ann)
const open = () => TestClient.open(app.url, ann.accessToken)

test('commands are answered as over REST, with images as bytes, and are kept in the history', async () => {
  using client = await open()
  const gone = await client.command(id, 'navigate', { url: pages.url })
  assert.deepEqual([gone.ok, gone.result.title, gone.result.status], [true, 'A shop', 200])
  const title = await client.command(id, 'execute', { script: 'document.title' })
  assert.deepEqual(title.result, { sessionId: id, result: 'A shop' })
  const { result: shot } = await client.command(id, 'screenshot', { format: 'jpeg' })
  assert.deepEqual(
    [shot.format, shot.width, shot.bytes.subarray(0, 2).toString('hex')],
    [...['jpeg', 1280, 'ffd8']],
  )
  assert.equal((await client.ask('state', { sessionId: id })).result.title, 'A shop')
  const pdf = await client.command(id, 'pdf')
  assert.equal(pdf.result.bytes.subarray(0, 4).toString(), '%PDF')

  const { body } = await ann.get(`/v1/sessions/${id}/commands?limit=4`)
  const types = body.items.map(({ type }: { type: string }) => type)
  assert.deepEqual(types, ['pdf', 'screenshot', 'execute', 'navigate'])
})

test('what fails is told with the problem that REST has', async () => {
  using client = await open()
  const refused = await client.command(id, 'navigate', { url: 'file:///etc/passwd' })
  assert.deepEqual([refused.ok, refused.problem.status], [false, 422])
  assert.equal(refused.problem.code, 'browser.url_refused')
  const wrong = await client.command(id, 'click', { selector: 'a', x: 1 })
  assert.equal(wrong.problem.code, 'request.invalid')
  assert.match(wrong.problem.errors[0].path, /^message\.params/)
  const unknown = await client.command(id, 'fly')
  assert.match(unknown.problem.errors[0].message, /navigate/)
  const deep = await client.command(id, 'execute', {
    script: 'let deep = 1; for (let i = 0; i < 40000; i++) deep = [deep]; return deep',
  })
  assert.equal(deep.ok, false)
  assert.equal((await client.command(id, 'execute', { script: '1 + 1' })).result.result, 2)
})

test('a watcher is told of the console, dialogs, pages and commands; of the network only if asked', async () => {
  using client = await open()
  const before = feedOf(id).lastId
  const { result } = await client.watch(id)
  assert.equal(result.sessionId, id)
  // The pages of the session may have something to tell meanwhile.
  assert.ok(before <= result.lastId && result.lastId <= feedOf(id).lastId)
  await client.command(id, 'execute', { script: 'console.log("from the page", 7)' })
  const line = await client.event('the console', ({ kind }) => kind === 'console')
  assert.deepEqual([line.sessionId, line.data.text], [id, 'from the page 7'])
  assert.ok(line.id > result.lastId)
  await client.event(
    'the command',
    ({ kind, data }) => kind === 'command' && data.type === 'execute',
  )

  void client.command(id, 'execute', { script: 'setTimeout(() => alert("stop"), 0)' })
  const dialog = await client.event('a dialog', ({ kind }) => kind === 'dialog')
  assert.deepEqual([dialog.data.dialog, dialog.data.message], ['alert', 'stop'])
  const answered = await client.command(id, 'dialog', { action: 'accept' })
  assert.equal(answered.result.answered[0].message, 'stop')

  await client.command(id, 'navigate', { url: `${pages.url}/one` })
  await client.event('a navigation', ({ data }) => data.url === `${pages.url}/one`)
  assert.ok(client.events.every(({ kind }) => kind !== 'network'))
  await client.watch(id, { kinds: ['network'] })
  await client.command(id, 'navigate', { url: `${pages.url}/two` })
  const isRequest = ({ kind, data }: ChannelEvent) =>
    kind === 'network' && data.url === `${pages.url}/two`
  await client.event('a request', isRequest)
})

test('control is asked for, shown and returned; meanwhile the programs of others are refused', async () => {
  using client = await open()
  await client.watch(id, { kinds: ['control'] })
  const taken = await client.ask('control', { sessionId: id, action: 'request', seconds: 60 })
  assert.deepEqual([taken.result.outcome, taken.result.holder.id], ['granted', ann.userId])
  await client.event('the grant', ({ data }) => data.name === 'control.granted')
  const key = await ann.post('/v1/api-keys', {
    name: 'robot',
    scopes: ['sessions.read', 'sessions.write'],
  })
  assert.equal(key.status, 201)
  using robot = await TestClient.open(app.url, key.body.key)
  const refused = await robot.command(id, 'execute', { script: '1' })
  assert.equal(refused.problem.code, 'session.controlled')
  const shown = await robot.ask('control', { sessionId: id, action: 'show' })
  assert.equal(shown.result.holder.kind, 'person')
  assert.ok((await client.ask('control', { sessionId: id, action: 'return' })).ok)
})

test('an owner who is signed in takes control by force, as over REST; a key may not', async () => {
  using client = await open()
  const scopes = ['sessions.read', 'sessions.write']
  const key = await ann.post('/v1/api-keys', { name: 'holder', scopes })
  using robot = await TestClient.open(app.url, key.body.key)
  const request = { sessionId: id, action: 'request', seconds: 60 }
  assert.equal((await robot.ask('control', request)).result.outcome, 'granted')
  assert.equal((await client.ask('control', request)).result.outcome, 'waiting')
  const taken = await client.ask('control', { ...request, force: true })
  assert.deepEqual([taken.result.outcome, taken.result.holder.id], ['granted', ann.userId])
  assert.equal(taken.result.holder.kind, 'person')
  const refused = await robot.ask('control', { ...request, force: true })
  assert.deepEqual([refused.ok, refused.problem.code], [false, 'session.may_not_force'])
  const shown = await robot.ask('control', { sessionId: id, action: 'show' })
  assert.equal(shown.result.holder.kind, 'person')
  await client.ask('control', { sessionId: id, action: 'return' })
})

test('twenty watchers of one session are told the same, and what they do not watch any more no longer', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, open))
  try {
    await Promise.all(clients.map((client) => client.watch(id, { kinds: ['state'] })))
    for (let number = 0; number < 50; number++) feedOf(id).publish('state', { number })
    for (const client of clients) await client.event('the last', ({ data }) => data.number === 49)
    // The pages of the session may have something to tell meanwhile too.
    const told = ({ events }: TestClient) =>
      events.filter(({ data }) => data.number !== undefined).map((event) => event.id)
    const [first, ...others] = clients.map(told)
    for (const ids of others) assert.deepEqual(ids, first)
    assert.equal((await clients[0]!.ask('unwatch', { sessionId: id })).ok, true)
    feedOf(id).publish('state', { number: 50 })
    await clients[1]!.event('one more', ({ data }) => data.number === 50)
    assert.equal(
      (await clients[0]!.ask('unwatch', { sessionId: id })).problem.code,
      'channel.not_watched',
    )
    assert.equal(told(clients[0]!).length, 50)
  } finally {
    for (const client of clients) client[Symbol.dispose]()
  }
})

test('a client whose connection is cut again and again under load loses no event and has none twice', async () => {
  using client = await open()
  let last = (await client.watch(id, { kinds: ['console'], after: 0 })).result.lastId as number
  const watchAgain = () => void client.watch(id, { kinds: ['console'], after: last })
  client.socket.on('event', (event: { id: number }) => (last = event.id))
  client.socket.on('connect', watchAgain)
  const numberOf = ({ data }: { data: Record<string, unknown> }) =>
    Number(/^line (\d+)$/.exec(String(data.text))?.[1])
  await client.command(id, 'execute', {
    script: `let n = 0; const t = setInterval(() => { console.log('line ' + n++); if (n === 300) clearInterval(t) }, 10)`,
  })
  for (const line of [20, 80, 160]) {
    await client.event(`line ${line}`, (event) => numberOf(event) >= line)
    await client.cut()
    await eventually('it is back', () => client.socket.connected)
  }
  await client.event('the last line', (event) => numberOf(event) === 299)
  const numbers = client.events.map(numberOf).filter((number) => !Number.isNaN(number))
  assert.deepEqual(
    numbers,
    Array.from({ length: 300 }, (_, number) => number),
  )
})

test('what a page says while nobody is connected is told to the one who comes back', async () => {
  using client = await open()
  await client.watch(id, { kinds: ['console'] })
  client.socket.io.reconnection(false)
  const last = feedOf(id).lastId
  await client.cut()
  await client.closed()
  const script = 'console.log("said meanwhile")'
  assert.equal((await ann.post(`/v1/sessions/${id}/execute`, { script })).status, 200)
  using again = await open()
  await again.watch(id, { kinds: ['console'], after: last })
  await again.event('it', ({ data }) => data.text === 'said meanwhile')
})

test('who comes back too late is told how many events are gone', async () => {
  using client = await open()
  using _listening = app.app.browsers!.sessions.watch(id, new Set())
  const { result } = await client.watch(id, { kinds: ['state'] })
  await client.ask('unwatch', { sessionId: id })
  for (let number = 0; number < 2_500; number++) feedOf(id).publish('state', { number })
  await client.watch(id, { kinds: ['state'], after: result.lastId })
  await client.event('the newest', ({ data }) => data.number === 2_499)
  const [gap, ...rest] = client.events
  // The pages of the session may have something to tell meanwhile.
  const ours = rest.filter(({ data }) => data.number !== undefined)
  const others = rest.at(-1)!.id - result.lastId - 2_500
  assert.deepEqual([gap!.kind, gap!.data.missing, rest.length], ['gap', 500 + others, 2_000])
  assert.equal(ours.at(-1)!.data.number, 2_499)
})

test('a client that does not read is cut with a reason, and does not hold up the others', async () => {
  using slow = await open()
  using quick = await open()
  for (const client of [slow, quick]) await client.watch(id, { kinds: ['state'] })
  slow.socket.io.reconnection(false)
  const { resume } = await slow.pause()
  const text = 'x'.repeat(15_000)
  // The pages of the session may have something to tell meanwhile.
  const told = ({ events }: TestClient) => events.filter(({ data }) => data.text === text).length
  // More than the buffers of a connection take, at the pace of the one who reads.
  let sent = 0
  while (sent < 2_000) {
    for (let more = 0; more < 100; more++) feedOf(id).publish('state', { number: sent++, text })
    await eventually('the quick one has them', () => told(quick) === sent)
  }
  assert.equal(quick.socket.connected, true)
  resume()
  await slow.closed()
  assert.deepEqual(
    slow.closings.map(({ code }) => code),
    ['channel.too_slow'],
  )
  assert.ok(told(slow) < sent)
})

test('the client of the documentation works as it stands there', async () => {
  const documented = readFileSync(
    join(import.meta.dirname, '../../../../docs/live-channel.md'),
    'utf8',
  )
  const code = /```js\n([\s\S]*?)```/
    .exec(documented)![1]!
    .replace('https://example.com/', pages.url)
  const env = { GANTRY_URL: app.url, GANTRY_API_KEY: ann.accessToken, PATH: process.env.PATH }
  const run = promisify(execFile)
  const inTime = { timeout: 120_000, cwd: import.meta.dirname, env }
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], inTime)
  assert.match(stdout, /text: 'hello from A shop'/)
  assert.match(stdout, /bytes: <Buffer 89 50 4e 47/)
  assert.match(stdout, /type: 'session.ended'/)
})

test('a session of another account is not there', async () => {
  const bob = await app.person('bob')
  using client = await TestClient.open(app.url, bob.accessToken)
  for (const answer of [
    await client.watch(id),
    await client.command(id, 'execute', { script: '1' }),
    await client.ask('state', { sessionId: id }),
    await client.ask('control', { sessionId: id, action: 'show' }),
  ]) {
    assert.deepEqual([answer.ok, answer.problem.code], [false, 'session.not_found'])
  }
})

test('the end of a session is told with its reason, whoever ended it, and then it is watched no more', async () => {
  using client = await open()
  const [asked, crashed] = [await newSession(ann), await newSession(ann)]
  for (const each of [asked, crashed]) await client.watch(each)
  await ann.delete(`/v1/sessions/${asked}`)
  const isEnd = (sessionId: string) => (event: { sessionId: string; data: { type?: string } }) =>
    event.sessionId === sessionId && event.data.type === 'session.ended'
  const end = await client.event('the end', isEnd(asked))
  assert.deepEqual([end.kind, end.data.reason, end.data.status], ['lifecycle', 'asked', 'closed'])
  process.kill(app.app.browsers!.sessions.get(crashed)!.browser.pid, 'SIGKILL')
  const crash = await client.event('the crash', isEnd(crashed))
  assert.deepEqual([crash.data.reason, crash.data.status], ['crashed', 'error'])
  const gaps = client.events.filter(({ kind }) => kind === 'gap')
  assert.deepEqual(gaps, [], 'of a browser that has ended nothing is missing')
  const again = await client.ask('unwatch', { sessionId: asked })
  assert.equal(again.problem.code, 'channel.not_watched')
  assert.equal((await client.watch(asked)).problem.code, 'session.closed')
})
