import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually, freePort } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { serveHtml } from '#test/page-server.ts'

const app = await startApp({ browsers: true })
const pages = await serveHtml(`<!doctype html><title>A shop</title>
  <h1>Shop</h1><input id="name"><input id="secret" type="password"><button onclick="document.title = 'Hello ' + document.querySelector('input').value">go</button>`)
after(async () => {
  await pages[Symbol.asyncDispose]()
  await app[Symbol.asyncDispose]()
})

test('a session goes from its creation through commands to a clean end', async () => {
  const ann = await app.person()
  const made = await ann.post('/v1/sessions', { metadata: { purpose: 'test' }, locale: 'de-DE' })
  assert.equal(made.status, 201)
  assert.equal(made.body.status, 'active')
  assert.deepEqual(made.body.metadata, { purpose: 'test' })
  const path = `/v1/sessions/${made.body.id}`

  const gone = await ann.post(`${path}/navigate`, { url: pages.url })
  assert.deepEqual([gone.status, gone.body.title, gone.body.status], [200, 'A shop', 200])
  await ann.post(`${path}/type`, { selector: '#name', text: 'Ada' })
  const clicked = await ann.post(`${path}/click`, { selector: 'button' })
  assert.deepEqual([clicked.status, clicked.body.title], [200, 'Hello Ada'])
  const seen = await ann.post(`${path}/execute`, { script: 'navigator.language' })
  assert.equal(seen.body.result, 'de-DE')
  const state = await ann.get(`${path}/state`)
  assert.deepEqual([state.body.title, state.body.tabs.length], ['Hello Ada', 1])

  const history = await ann.get(`${path}/commands`)
  const types = history.body.items.map((command: { type: string }) => command.type)
  assert.deepEqual(types, ['execute', 'click', 'type', 'navigate'])

  const ended = await ann.delete(path)
  assert.deepEqual(
    [ended.status, ended.body.status, ended.body.endReason],
    [200, 'closed', 'asked'],
  )
  assert.deepEqual(ended.body.wipe, { processes: 0, directories: 0, sockets: 0 })
  assert.deepEqual((await ann.delete(path)).body, ended.body, 'ending it again answers the same')
  const late = await ann.post(`${path}/navigate`, { url: pages.url })
  assert.deepEqual([late.status, late.body.code], [409, 'session.closed'])
  const kinds = await app.eventKinds(ann.accountId)
  const own = kinds.filter((kind) => kind.startsWith('session.'))
  assert.deepEqual(own, ['session.created', 'session.started', 'session.ended'])
})

test('the history keeps what was typed, but not into a password field', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/browser/navigate', { url: pages.url })
  await ann.post('/v1/browser/type', { selector: '#name', text: 'Ada' })
  await ann.post('/v1/browser/type', { selector: '#secret', text: 'canary-93' })
  await ann.post('/v1/browser/type', { selector: '#absent', text: 'canary-93', timeoutMs: 200 })
  const { body: history } = await ann.get(`/v1/sessions/${body.sessionId}/commands`)
  const texts = history.items.map(({ params }: { params: { text?: string } }) => params.text)
  assert.deepEqual(texts, ['[not kept]', '[not kept]', 'Ada', undefined])
})

test('a screenshot is bytes for who asks for an image, and base64 for the others', async () => {
  const ann = await app.person()
  await ann.post('/v1/browser/navigate', { url: pages.url })
  const image = await ann.post('/v1/browser/screenshot', undefined, { accept: 'image/png' })
  assert.equal(image.headers.get('content-type'), 'image/png')
  assert.equal(image.body.subarray(1, 4).toString(), 'PNG')
  const json = await ann.post('/v1/browser/screenshot', { format: 'jpeg', quality: 50 })
  assert.equal(json.body.format, 'jpeg')
  assert.deepEqual([...Buffer.from(json.body.base64, 'base64').subarray(0, 2)], [0xff, 0xd8])
})

test('the flat form opens one session for many first commands at once, and asks which when several are open', async () => {
  const ann = await app.person()
  const early = await ann.post('/v1/browser/execute', { script: '1' })
  assert.deepEqual([early.status, early.body.code], [409, 'session.none_open'])

  const go = () => ann.post('/v1/browser/navigate', { url: pages.url })
  const answers = await Promise.all([go(), go(), go()])
  const ids = new Set(answers.map((answer) => answer.body.sessionId))
  assert.deepEqual([ids.size, ...answers.map(({ status }) => status)], [1, 200, 200, 200])

  const second = await ann.post('/v1/sessions')
  const unclear = await ann.post('/v1/browser/execute', { script: '1' })
  assert.deepEqual([unclear.status, unclear.body.code], [409, 'session.ambiguous'])
  const named = await ann.post('/v1/browser/execute', {
    script: '40 + 2',
    sessionId: second.body.id,
  })
  assert.equal(named.body.result, 42)
})

test('the metrics count the browsers, jobs and connections of this moment', async () => {
  const ann = await app.person()
  await ann.post('/v1/sessions')
  const { body } = await app.request('GET', '/metrics')
  const text = body.toString()
  const active = Number(/^gantry_browser_sessions\{state="active"\} (\d+)$/m.exec(text)?.[1])
  assert.ok(active >= 1, `active: ${active}`)
  assert.match(text, /^gantry_database_connections\{state="open"\} [1-9]/m)
  assert.match(text, /^gantry_sockets_open 0$/m)
  assert.match(text, /route="\/api\/v1\/sessions",status="201"/)
})

test('another account’s session does not exist', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { body } = await ann.post('/v1/sessions')
  const path = `/v1/sessions/${body.id}`
  const tries = [
    bob.get(path),
    bob.delete(path),
    bob.get(`${path}/state`),
    bob.get(`${path}/commands`),
    bob.post(`${path}/execute`, { script: '1' }),
    bob.post('/v1/browser/execute', { script: '1', sessionId: body.id }),
  ]
  for (const answer of await Promise.all(tries)) {
    assert.deepEqual([answer.status, answer.body.code], [404, 'session.not_found'])
  }
  assert.deepEqual((await bob.get('/v1/sessions')).body.items, [])
  assert.equal((await ann.get(path)).body.status, 'active')
})

test('a killed browser ends its session with a reason, and commands answer 410', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/sessions')
  const { pid } = app.app.browsers!.sessions.host.get(body.id)!
  process.kill(pid, 'SIGKILL')
  const ended = await eventually('the session has ended', async () => {
    const { body: now } = await ann.get(`/v1/sessions/${body.id}`)
    return now.wipe && now
  })
  assert.deepEqual([ended.status, ended.endReason], ['error', 'crashed'])
  assert.deepEqual(ended.wipe, { processes: 0, directories: 0, sockets: 0 })
  const late = await ann.post(`/v1/sessions/${body.id}/execute`, { script: '1' })
  assert.deepEqual([late.status, late.body.code], [410, 'browser.crashed'])
})

test('a session ends when it is idle, and when its time is over although it works', async () => {
  const ann = await app.person()
  const idle = await ann.post('/v1/sessions', { idleTimeoutSeconds: 5 })
  const short = await ann.post('/v1/sessions', { timeoutSeconds: 5 })
  const busy = ann.post(`/v1/sessions/${short.body.id}/execute`, {
    script: 'new Promise(() => {})',
  })
  const reasonOf = async (id: string) => (await ann.get(`/v1/sessions/${id}`)).body.endReason
  assert.equal(await eventually('idle', () => reasonOf(idle.body.id)), 'idle')
  assert.equal(await eventually('over', () => reasonOf(short.body.id)), 'timeout')
  assert.equal((await busy).body.code, 'session.closed')
})

test('one idempotency key makes one session, however often it is sent', async () => {
  const ann = await app.person()
  const create = () => ann.post('/v1/sessions', {}, { 'idempotency-key': 'once' })
  const answers = await Promise.all(Array.from({ length: 8 }, create))
  const made = answers.filter(({ status }) => status === 201)
  const refused = answers.filter(({ status }) => status !== 201)
  assert.equal(new Set(made.map(({ body }) => body.id)).size, 1)
  for (const { body } of refused) assert.equal(body.code, 'idempotency.in_progress')
  const again = await create()
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [201, 'true'])
  assert.equal(again.body.id, made[0]!.body.id)
  assert.equal((await ann.get('/v1/sessions')).body.items.length, 1)
})

test('a page cannot reach a private address that is not allowed, nor the server’s own files', async () => {
  const ann = await app.person()
  await ann.post('/v1/browser/navigate', { url: pages.url })
  const reach = async (url: string) => {
    const script =
      'fetch(args[0]).then((r) => r.text().then((t) => r.status + " " + t), (e) => "failed")'
    return (await ann.post('/v1/browser/execute', { script, args: [url] })).body.result
  }
  assert.match(await reach('http://169.254.169.254/latest/meta-data/'), /^(403|failed)/)
  assert.match(await reach('http://[::1]:80/'), /^(403|failed)/)
  for (const url of [
    'file:///etc/passwd',
    'chrome://version',
    'view-source:http://x/',
    ' FILE:///etc',
  ]) {
    const answer = await ann.post('/v1/browser/navigate', { url })
    assert.deepEqual([answer.status, answer.body.code], [422, 'browser.url_refused'], url)
  }
})

test('a host that is not there fails a navigation by the name of Chromium’s error', async () => {
  const ann = await app.person()
  const port = await freePort()
  const urls = {
    [`http://127.0.0.1:${port}/`]: 'ERR_CONNECTION_REFUSED',
    'http://nobody.invalid/': 'ERR_NAME_NOT_RESOLVED',
  }
  for (const [url, name] of Object.entries(urls)) {
    const { status, body } = await ann.post('/v1/browser/navigate', { url })
    assert.deepEqual([status, body.code], [502, 'browser.navigation_failed'])
    assert.match(body.detail, new RegExp(`net::${name}`))
  }
})

test('sessions are listed newest first, page by page', async () => {
  const ann = await app.person()
  const ids: string[] = []
  for (let made = 0; made < 3; made++) {
    const { body } = await ann.post('/v1/sessions')
    ids.unshift(body.id)
    await ann.delete(`/v1/sessions/${body.id}`)
  }
  const first = await ann.get('/v1/sessions?limit=2')
  const rest = await ann.get(`/v1/sessions?limit=2&cursor=${first.body.nextCursor}`)
  const listed = [...first.body.items, ...rest.body.items].map(({ id }: { id: string }) => id)
  assert.deepEqual([listed, rest.body.nextCursor], [ids, null])
  assert.equal((await ann.get('/v1/sessions?status=active')).body.items.length, 0)
})

test('an admin limits the sessions of an account, and pauses new ones; both count at once', async () => {
  const [ann, root] = [await app.person(), await app.superAdmin()]
  const limit = (value: number) =>
    root.put('/v1/admin/config', { 'browsers.sessions_per_account': value })
  assert.equal((await limit(1)).status, 200)
  try {
    const answers = await Promise.all([ann.post('/v1/sessions'), ann.post('/v1/sessions')])
    const codes = answers.map(({ status, body }) => (status === 201 ? 'made' : body.code))
    assert.deepEqual(codes.toSorted(), ['made', 'session.account_limit_reached'])
  } finally {
    await limit(100)
  }
  await root.put('/v1/admin/feature-flags', { 'browsers.new_sessions': false })
  try {
    const paused = await ann.post('/v1/sessions')
    assert.deepEqual([paused.status, paused.body.code], [503, 'session.paused'])
  } finally {
    await root.put('/v1/admin/feature-flags', { 'browsers.new_sessions': true })
  }
})
