import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { servePages } from '#test/page-server.ts'

const app = await startApp({ browsers: true })
const pages = await servePages((request, response) => {
  if (request.url === '/slow') return
  response.setHeader('content-type', 'text/html; charset=utf-8')
  const { cookie = '' } = request.headers
  response.end(`<!doctype html><title>${request.url}</title><h1>Shop</h1><p id=cookie>${cookie}</p>
    <a href="/next">Next</a><input type=file>`)
})
after(async () => {
  await pages[Symbol.asyncDispose]()
  await app[Symbol.asyncDispose]()
})

async function session(ann: Person, page?: string) {
  const { body } = await ann.post('/v1/sessions')
  const path = `/v1/sessions/${body.id}`
  const send = (type: string, input: object = {}, headers?: Record<string, string>) =>
    ann.post(`${path}/${type}`, input, headers)
  if (page !== undefined) await send('navigate', { url: pages.url + page })
  return { id: body.id as string, path, send }
}

const json = { accept: 'application/json' }

test('each command of a session answers with its result and is kept in the history', async () => {
  const ann = await app.person()
  const { id, path, send } = await session(ann, '/one')
  const pdf = await send('pdf', { paper: 'a4' })
  assert.deepEqual([pdf.status, pdf.body.sessionId], [200, id])
  assert.equal(Buffer.from(pdf.body.base64, 'base64').length, pdf.body.bytes)
  const bytes = await send('pdf', {}, { accept: 'application/pdf' })
  assert.equal(bytes.headers.get('content-type'), 'application/pdf')
  assert.equal(bytes.body.subarray(0, 5).toString(), '%PDF-')

  assert.equal((await send('wait', { text: 'shop' })).body.title, '/one')
  const read = await send('extract', { schema: { title: 'h1' } })
  assert.deepEqual(read.body.data, { title: 'Shop' })
  const files = [{ name: 'a.txt', base64: 'aGk=' }]
  const upload = await send('upload', { files, selector: 'input' })
  const [file] = upload.body.files
  assert.deepEqual([upload.body.sessionId, file.name, file.bytes], [id, 'a.txt', 2])
  assert.match(file.path, /^\/uploads\/\w+\/a\.txt$/)

  await send('navigate', { url: `${pages.url}/two` })
  assert.equal((await send('back')).body.title, '/one')
  assert.equal((await send('forward')).body.title, '/two')
  assert.equal((await send('reload')).body.status, 200)
  const tabs = await send('tabs', { action: 'open', url: `${pages.url}/three` })
  assert.deepEqual(
    tabs.body.tabs.map(({ title }: { title: string }) => title),
    ['/two', '/three'],
  )
  const { body: kept } = await ann.get(`${path}/commands`)
  assert.deepEqual(
    kept.items.map(({ type }: { type: string }) => type),
    [
      'tabs',
      'reload',
      'forward',
      'back',
      'navigate',
      'upload',
      'extract',
      'wait',
      'pdf',
      'pdf',
      'navigate',
    ],
  )
  assert.ok(kept.items.every(({ status }: { status: string }) => status === 'success'))
})

test('cookies are set, read and cleared over REST', async () => {
  const { send } = await session(await app.person())
  const cookies = [{ name: 'theme', value: 'dark', url: pages.url }]
  assert.equal((await send('cookies', { action: 'set', cookies })).body.count, 1)
  await send('navigate', { url: pages.url })
  const read = await send('extract', { format: 'text', selector: '#cookie' })
  assert.equal(read.body.content, 'theme=dark')
  const { body } = await send('cookies', { action: 'get' })
  assert.deepEqual((await send('cookies', { action: 'set', cookies: body.cookies })).status, 200)
  assert.equal((await send('cookies', { action: 'clear' })).body.count, 1)
})

test('a dialog that holds the page is answered over REST', async () => {
  const { send } = await session(await app.person(), '/')
  const asked = await send('execute', { script: 'answer = prompt("Name?")' })
  assert.deepEqual([asked.status, asked.body.code], [409, 'browser.dialog_open'])
  const answered = await send('dialog', { action: 'accept', promptText: 'Ann' })
  assert.deepEqual(answered.body.answered, [{ type: 'prompt', message: 'Name?' }])
  assert.equal((await send('execute', { script: 'answer' })).body.result, 'Ann')
  const none = await send('dialog', { action: 'accept' })
  assert.deepEqual([none.status, none.body.code], [409, 'browser.no_dialog'])
})

test('what is no command is refused before it reaches a browser', async () => {
  const { send } = await session(await app.person())
  const wrong: [string, object][] = [
    ['wait', {}],
    ['wait', { selector: 'a', text: 'b' }],
    ['wait', { text: 'b', state: 'hidden' }],
    ['pdf', { paper: 'a4', sizeMm: { width: 100, height: 100 } }],
    ['pdf', { pageRanges: 'all' }],
    ['extract', {}],
    ['extract', { schema: { a: { attribute: 'x', fields: { b: 'c' } } } }],
    ['extract', { schema: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [i, 'p'])) }],
    ['upload', { files: [{ name: 'a', base64: 'x y' }] }],
    ['upload', { files: [] }],
    ['tabs', { action: 'close' }],
    ['tabs', { action: 'list', tabId: 'x' }],
    ['cookies', { action: 'set', cookies: [{ name: 'a', value: 'b' }] }],
    ['cookies', { action: 'get', urls: ['file:///etc/passwd'] }],
    ['dialog', { action: 'ignore' }],
    ['back', { steps: 2 }],
    ['batch', { commands: [] }],
    ['batch', { commands: [{ type: 'click' }] }],
    ['batch', { commands: [{ type: 'batch', commands: [] }] }],
  ]
  for (const [type, input] of wrong) {
    const { status, body } = await send(type, input)
    assert.deepEqual([status, body.code], [400, 'request.invalid'], JSON.stringify([type, input]))
  }
})

test('a batch tells of each command, stops at the first that fails, and keeps all in the history', async () => {
  const ann = await app.person()
  const { path, send } = await session(ann)
  const commands = [
    { type: 'navigate', url: `${pages.url}/batch` },
    { type: 'execute', script: 'document.title' },
    { type: 'screenshot', format: 'jpeg' },
    { type: 'click', selector: '#absent', timeoutMs: 3_000 },
    { type: 'tabs', action: 'list' },
  ]
  const { status, body } = await send('batch', { commands })
  assert.equal(status, 200)
  const statuses = body.results.map((result: { status: string }) => result.status)
  assert.deepEqual(statuses, ['success', 'success', 'success', 'error', 'skipped'])
  const [gone, read, shot, click] = body.results
  assert.deepEqual(gone.result, { url: `${pages.url}/batch`, title: '/batch', status: 200 })
  assert.deepEqual(read.result, { result: '/batch' })
  assert.equal(Buffer.from(shot.result.base64, 'base64').readUInt16BE(0), 0xffd8)
  assert.deepEqual([click.problem.code, click.problem.status], ['browser.selector_not_found', 422])

  const on = await send('batch', { commands: commands.slice(3), stopOnError: false })
  assert.equal(on.body.results[1].result.tabs[0].title, '/batch')
  const { body: history } = await ann.get(`${path}/commands`)
  assert.deepEqual(
    history.items.map(({ type }: { type: string }) => type),
    ['tabs', 'click', 'click', 'screenshot', 'execute', 'navigate'],
  )
})

test('a batch ends with its deadline, and one for no session is refused as a whole', async () => {
  const ann = await app.person()
  const { path, send } = await session(ann)
  const commands = [
    { type: 'wait', timeMs: 20_000 },
    { type: 'tabs', action: 'list' },
  ]
  const { body } = await send('batch', { commands, timeoutMs: 500, stopOnError: false })
  assert.deepEqual(
    body.results.map((result: { status: string }) => result.status),
    ['error', 'skipped'],
  )
  assert.match(body.results[0].problem.detail, /Waited 500 ms for all commands of the batch/)
  await ann.delete(path)
  const late = await send('batch', { commands })
  assert.deepEqual([late.status, late.body.code], [409, 'session.closed'])
  const stranger = await (await app.person()).post(`${path}/batch`, { commands })
  assert.deepEqual([stranger.status, stranger.body.code], [404, 'session.not_found'])
})

const openSessions = async (ann: Person) => {
  const { body } = await ann.get('/v1/sessions')
  return body.items.filter(({ endTime }: { endTime?: string }) => endTime === undefined)
}

test('a one-shot call answers with bytes, or with JSON on demand, and leaves no session', async () => {
  const ann = await app.person()
  const url = `${pages.url}/shot`
  const viewport = { width: 640, height: 480 }
  const image = await ann.post('/v1/screenshot', { url, viewport })
  assert.deepEqual([image.status, image.headers.get('content-type')], [200, 'image/png'])
  assert.deepEqual([image.body.readUInt32BE(16), image.body.readUInt32BE(20)], [640, 480])
  const { body: shot } = await ann.post('/v1/screenshot', { url, format: 'jpeg' }, json)
  assert.deepEqual([shot.format, shot.sessionId], ['jpeg', shot.sessionId])

  const pdf = await ann.post('/v1/pdf', { html: '<h1>Bill</h1>', paper: 'a5' })
  assert.equal(pdf.headers.get('content-type'), 'application/pdf')
  assert.equal(pdf.body.subarray(0, 5).toString(), '%PDF-')
  const { body: paper } = await ann.post('/v1/pdf', { url }, json)
  assert.equal(Buffer.from(paper.base64, 'base64').length, paper.bytes)

  const cookies = [{ name: 'theme', value: 'dark', url: pages.url }]
  const wish = { url, cookies, waitFor: { selector: '#cookie' } }
  const html = await ann.post('/v1/content', wish)
  assert.equal(html.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.equal(html.headers.get('content-security-policy'), 'sandbox')
  assert.match(html.body.toString(), /<p id="cookie">theme=dark<\/p>/)
  const markdown = await ann.post('/v1/content', { ...wish, format: 'markdown' }, json)
  assert.deepEqual([markdown.body.format, markdown.body.url], ['markdown', url])
  assert.match(markdown.body.content, /^# Shop\n\ntheme=dark\n\n\[Next\]\(http/)
  assert.deepEqual(await openSessions(ann), [])
})

test('a one-shot call that fails says why, and leaves no session', async () => {
  const ann = await app.person()
  const { url } = pages
  const failures: [object, number, string][] = [
    [{ url: 'file:///etc/passwd' }, 422, 'browser.url_refused'],
    [{ url, selector: '#absent', timeoutMs: 8_000 }, 422, 'browser.selector_not_found'],
    [{ url: `${url}/slow`, timeoutMs: 500 }, 504, 'browser.timeout'],
    [{ url, waitFor: { text: 'Never' }, timeoutMs: 2_000 }, 504, 'browser.timeout'],
    [{}, 400, 'request.invalid'],
    [{ url, html: 'x' }, 400, 'request.invalid'],
  ]
  for (const [input, status, code] of failures) {
    const answer = await ann.post('/v1/screenshot', input)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(input))
  }
  assert.deepEqual(await openSessions(ann), [])
})

test('a one-shot call whose client has gone frees its place', async () => {
  const ann = await app.person()
  const gone = new AbortController()
  const call = fetch(`${app.url}/api/v1/screenshot`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ann.accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url: `${pages.url}/slow`, timeoutMs: 120_000 }),
    signal: gone.signal,
  })
  await eventually('its session', async () => {
    const [open] = await openSessions(ann)
    return open?.status === 'active'
  })
  gone.abort()
  await assert.rejects(call)
  const ended = await eventually('the end of its session', async () => {
    const [made] = (await ann.get('/v1/sessions')).body.items
    return made.wipe && made
  })
  assert.equal(ended.endReason, 'asked')
  assert.deepEqual(ended.wipe, { processes: 0, directories: 0, sockets: 0 })
})
