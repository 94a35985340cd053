import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { after, test } from 'node:test'
import { startBrowser, type TestBrowser } from '../driver/test-browser.ts'
import { eventually, keptMib } from '#kernel/test-support.ts'
import { closeFrame, frame } from './frames.ts'
import { policyOf } from './policy.ts'
import { rules } from './rules.ts'
import { TestClient } from './test-client.ts'
import { TestGateway } from './test-gateway.ts'

const SECRET = 'the-value-of-the-cookie'
const site = createServer((request, response) => {
  response.setHeader('content-type', 'text/html')
  response.setHeader('set-cookie', `session=${SECRET}; HttpOnly`)
  const redirects = request.url === '/redirect'
  response.writeHead(redirects ? 302 : 200, redirects ? { location: '/landed' } : {})
  response.end('<title>shop</title>')
})
await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
after(() => site.close().closeAllConnections())
const page = `http://127.0.0.1:${(site.address() as AddressInfo).port}`

const browser = await startBrowser()
const gateway = await TestGateway.start(browser.endpoint)
const client = await gateway.client()
const { sessionId, targetId } = await client.openPage(page)

async function shownUrls(): Promise<string[]> {
  const { targetInfos } = await client.send<{ targetInfos: { url: string }[] }>('Target.getTargets')
  return targetInfos.map(({ url }) => url)
}

test('no page of the machine or of the browser itself opens, however its URL is written', async () => {
  for (const url of [
    'file:///etc/hostname',
    '\tFI\nLE:///etc/hostname',
    'view-source:file:///etc',
  ]) {
    await client.refusal('Page.navigate', { url }, sessionId)
    await client.refusal('Target.createTarget', { url })
  }
  const escaped = `{"id":90001,"method":"Page.navi\\u0067ate","params":{"url":"\\u0066ile:///etc/hostname"},"sessionId":"${sessionId}"}`
  await assert.rejects(client.sendText(escaped, 90_001), /file:/)
  const message = JSON.stringify({ id: 1, method: 'Page.navigate', params: { url: 'file:///etc' } })
  await client.refusal('Target.sendMessageToTarget', { message, targetId })
  const shown = await shownUrls()
  assert.deepEqual(
    shown.filter((url) => !/^(http|about:blank)/.test(url)),
    [],
  )
})

const attempts: Record<string, string> = {
  'a location': `location.href = 'file:///etc/hostname'`,
  'a window': `window.open('file:///etc/hostname')`,
  'a window of the browser itself': `window.open('chrome://version')`,
  'a fetch': `fetch('file:///etc/hostname').then((answer) => answer.text(), () => 'refused')`,
  'a frame': `document.body.append(Object.assign(document.createElement('iframe'), { src: 'file:///etc/hostname' }))`,
}
for (const [what, expression] of Object.entries(attempts)) {
  test(`a script of a client reaches no file by ${what}`, async () => {
    for (const start of [page, 'about:blank', 'data:text/html,x']) {
      const opened = await client.openPage(start)
      const { frameTree } = await client.send<{ frameTree: { frame: { id: string } } }>(
        'Page.getFrameTree',
        {},
        opened.sessionId,
      )
      const world = { frameId: frameTree.frame.id, grantUniveralAccess: true }
      const { executionContextId } = await client.send<{ executionContextId: number }>(
        'Page.createIsolatedWorld',
        world,
        opened.sessionId,
      )
      for (const contextId of [undefined, executionContextId]) {
        const script = { expression, contextId, awaitPromise: true, userGesture: true }
        const told = await client.send('Runtime.evaluate', script, opened.sessionId)
        assert.doesNotMatch(JSON.stringify(told), /root:|"value":"[^"]*\\n/)
      }
      assert.deepEqual(
        (await shownUrls()).filter((url) => /^(file|chrome:)/.test(url)),
        [],
      )
      await client.send('Target.closeTarget', { targetId: opened.targetId })
    }
  })
}

test('a request that is let go on elsewhere does not go on to a file', async () => {
  await client.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] }, sessionId)
  const paused = client.message('Fetch.requestPaused')
  const gone = client.send('Page.navigate', { url: `${page}/paused` }, sessionId)
  const { params } = JSON.parse(await paused) as { params: { requestId: string } }
  const { requestId } = params
  await client.refusal('Fetch.continueRequest', { requestId, url: 'file:///etc' }, sessionId)
  await client.send('Fetch.continueRequest', { requestId }, sessionId)
  await gone
  await client.send('Fetch.disable', {}, sessionId)
})

test('the browser has no surface of its own that a client could attach to', async () => {
  const { targetInfos } = await client.send<{ targetInfos: { type: string; url: string }[] }>(
    'Target.getTargets',
    { filter: [{}] },
  )
  assert.deepEqual(
    targetInfos.filter(({ url }) => url.startsWith('chrome')),
    [],
  )
})

test('a message that is none is answered as Chromium does, and the connection lives', async () => {
  const direct = await gateway.client()
  for (const text of ['{"id":1,', '[1]', '', '{"method":"Browser.getVersion"}', '/**/{}']) {
    const answer = direct.message('"error"')
    direct.socket.send(text)
    assert.match(await answer, /^\{"error":\{"code":-32(600|700),"message":/)
  }
  const twice = '{"id":5,"method":"Browser.getVersion","method":"Browser.crash"}'
  const answer = direct.message('twice')
  direct.socket.send(twice)
  await answer
  await direct.send('Browser.getVersion')
})

interface Protocol {
  domains: { domain: string; commands?: { name: string; parameters?: { name: string }[] }[] }[]
}

/** As the browser tells it. A headless shell has none to tell, and ends when it is asked: there it is the one that Puppeteer brings. */
async function protocolOf({ endpoint, headlessShell }: TestBrowser): Promise<Protocol> {
  if (!headlessShell) {
    const response = await fetch(`http://${new URL(endpoint).host}/json/protocol`)
    return (await response.json()) as Protocol
  }
  const brought = createRequire(import.meta.resolve('puppeteer-core'))
  const parts = ['browser', 'js'].map(
    (part) => brought(`devtools-protocol/json/${part}_protocol.json`) as Protocol,
  )
  return { domains: parts.flatMap(({ domains }) => domains) }
}

test('every command of this Chromium that names a URL, a path or files is decided on by name', async () => {
  const { domains } = await protocolOf(browser)
  const open = domains.flatMap(({ domain, commands = [] }) =>
    commands
      .filter(({ parameters = [] }) =>
        parameters.some(({ name }) => /^url$|path$|^files$|proxy|bundleUrl/i.test(name)),
      )
      .map(({ name }) => `${domain}.${name}`)
      .filter((method) => policyOf(method) && !rules[method]),
  )
  // Patterns, keys of cookies, and what is loaded already.
  assert.deepEqual(open.sort(), [
    ...[
      'DOM.pushNodeByPathToFrontend',
      'DOMDebugger.removeXHRBreakpoint',
      'DOMDebugger.setXHRBreakpoint',
    ],
    ...[
      'Debugger.setBreakpointByUrl',
      'Network.deleteCookies',
      'Network.setCookie',
      'Page.deleteCookie',
    ],
    ...['Page.getResourceContent', 'Page.searchInResource'],
  ])
})

test('a connection without cookies is never told one', async () => {
  const blind = await TestGateway.start(browser.endpoint, { policy: 'noCookies' })
  const other = await blind.client()
  const opened = await other.openPage()
  for (const domain of ['Network', 'Page', 'Runtime', 'Audits', 'Log']) {
    await other.send(`${domain}.enable`, {}, opened.sessionId)
  }
  const told = other.message('Network.responseReceivedExtraInfo')
  for (const path of ['/redirect', '/again']) {
    const loaded = other.message('Page.loadEventFired')
    await other.send('Page.navigate', { url: `${page}${path}` }, opened.sessionId)
    await loaded
  }
  await told
  const socket = other.message('Network.webSocketClosed')
  await other.evaluate(`new WebSocket('${page.replace('http', 'ws')}/socket'), 1`, opened.sessionId)
  await socket
  await other.refusal('Network.getCookies', {}, opened.sessionId)
  await other.refusal('Storage.getCookies')
  assert.deepEqual(
    other.texts.filter((text) => text.includes(SECRET)),
    [],
  )
  // It is there to be told.
  assert.match(JSON.stringify(await client.send('Storage.getCookies')), new RegExp(SECRET))
})

/** A client that has shaken hands and then does as it likes. */
const HANDSHAKE =
  'GET /cdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
  'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n'

async function rawClient(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  after(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(HANDSHAKE)
  const head = await new Promise<string>((done) =>
    socket.once('data', (data) => done(String(data))),
  )
  assert.match(head, /^HTTP\/1\.1 101 /)
  assert.doesNotMatch(head, /deflate/i)
  return socket
}

test('broken frames close the connection with 1002, and the browser sees none of them', async () => {
  for (const bytes of [
    [0x81, 0x02, 0x7b, 0x7d],
    [0xf1, 0x80, 0, 0, 0, 0],
    [0x83, 0x80, 0, 0, 0, 0],
    [0x80, 0x80, 0, 0, 0, 0],
    [0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ]) {
    const socket = await rawClient(gateway.url)
    const said: Buffer[] = []
    socket.on('data', (data) => said.push(data))
    const closed = new Promise((done) => socket.once('close', done))
    socket.write(Buffer.from(bytes))
    await closed
    const all = Buffer.concat(said)
    assert.deepEqual(all.subarray(0, 4), Buffer.from([0x88, all.length - 2, 0x03, 0xea]))
  }
})

test('a message beyond the limit closes the connection with 1009', async () => {
  const small = await TestGateway.start(browser.endpoint, { limits: { maxMessageBytes: 1_000 } })
  const other = await small.client()
  other.socket.send('x'.repeat(1_001))
  assert.equal((await other.closed()).code, 1009)
})

const FLOOD = 'x'.repeat(1_000_000)

test('a client that never reads is cut, and the others go on', async () => {
  const impatient = await TestGateway.start(browser.endpoint, { limits: { stallMs: 500 } })
  const socket = await rawClient(impatient.url)
  socket.pause()
  const message = { method: 'Target.setDiscoverTargets', params: { discover: true } }
  socket.write(frame(1, Buffer.from(JSON.stringify({ id: 1, ...message })), true))
  await eventually('it is connected', () => impatient.connections.length === 1)
  // Titles are told to everybody who has asked for targets.
  const script = `for (let i = 0; i < 200; i++) document.title = i + ${JSON.stringify('x'.repeat(4_000))}.repeat(1)`
  const [connection] = impatient.connections
  const end = connection!.closed
  const ask = (id: number) =>
    frame(1, Buffer.from(JSON.stringify({ id, method: 'Schema.getDomains', sessionId })), true)
  let id = 1
  const flood = setInterval(() => {
    if (!socket.writableNeedDrain) for (let n = 0; n < 500; n++) socket.write(ask(++id))
  }, 5)
  try {
    await client.evaluate(script, sessionId)
    assert.deepEqual(await end, { code: 1008, reason: 'the client reads nothing' })
  } finally {
    clearInterval(flood)
  }
  assert.equal(await client.evaluate('1 + 1', sessionId), 2)
})

test('a flood of messages is held back by what the browser takes', async () => {
  const other = await gateway.client()
  const { sessionId } = await other.openPage()
  const before = keptMib()
  let most = before
  const looking = setInterval(() => (most = Math.max(most, keptMib())), 200)
  const script = JSON.stringify({
    expression: `${JSON.stringify(FLOOD)}.length`,
    returnByValue: true,
  })
  const answers = Array.from({ length: 60 }, (_, index) => {
    const id = 50_000 + index
    const text = `{"id":${id},"method":"Runtime.evaluate","params":${script},"sessionId":"${sessionId}"}`
    return other.sendText(text, id)
  })
  await Promise.all(answers).finally(() => clearInterval(looking))
  assert.equal(await client.evaluate('1 + 1', (await client.openPage()).sessionId), 2)
  assert.ok(most - before < 300, `${most - before} MiB are kept`)
})

test('a client that breaks off leaves nothing behind', async () => {
  const socket = await rawClient(gateway.url)
  const connection = gateway.connections.at(-1)!
  socket.destroy()
  assert.equal((await connection.closed).code, 1006)
})

test('a client is let in once its session is ready, unless it has gone by then', async () => {
  const { promise: ready, resolve: makeReady } = Promise.withResolvers<void>()
  const early = await TestGateway.start(browser.endpoint, { ready })
  const waits = TestClient.open(early.url)
  const leaves = connect(Number(new URL(early.url).port), '127.0.0.1')
  leaves.write(HANDSHAKE)
  // Whoever is let in too early is let in by now.
  await (await gateway.client()).send('Browser.getVersion')
  assert.equal(early.connections.length, 0)
  leaves.destroy()
  await (await gateway.client()).send('Browser.getVersion')
  makeReady()
  assert.ok(await (await waits).send('Browser.getVersion'))
  await eventually('the other is given up', () => early.failures.length === 1)
  assert.equal(early.connections.length, 1)
})

test('a close frame of the client ends the connection with its code', async () => {
  const socket = await rawClient(gateway.url)
  await eventually('it is connected', () => gateway.connections.at(-1)!.stats.messages === 0)
  const connection = gateway.connections.at(-1)!
  const payload = closeFrame(3001, 'bye').subarray(2)
  socket.write(frame(8, payload, true))
  assert.deepEqual(await connection.closed, { code: 3001, reason: 'bye' })
})

test('what is no handshake is answered 400, and a browser that is gone 502', async () => {
  const status = async (port: string, version: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}Sec-WebSocket-Version: ${version}\r\n\r\n`,
    )
    const [line] = String(await new Promise((done) => socket.once('data', done))).split('\r\n')
    socket.destroy()
    return line
  }
  const nowhere = await TestGateway.start('ws://127.0.0.1:1/devtools/browser/x')
  assert.match((await status(new URL(nowhere.url).port, '13'))!, / 502 /)
  assert.match((await status(new URL(gateway.url).port, '8'))!, / 400 /)
})

test('the clients of a browser that ends are told', async () => {
  const other = await gateway.client()
  browser.kill()
  assert.equal((await other.closed()).code, 1011)
})
