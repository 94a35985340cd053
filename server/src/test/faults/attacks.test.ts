import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { Account } from './account.ts'
import type { Rental } from './rental.ts'
import { Scene } from './scene.ts'
import { ask, open, refusal } from './wire.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
/** Here a page may reach its site, and no other private address. */
const narrow = stack.use(await Scene.open())
/** Here pages may reach this machine, as on a developer's. */
const wide = stack.use(await Scene.open({ EGRESS_ALLOW: '127.0.0.0/8' }))

/** A server that nobody should reach: it counts who does. */
async function openSecret() {
  let visits = 0
  const server = createServer((socket) => (visits++, socket.destroy()))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  stack.defer(() => void server.close())
  return { port: (server.address() as AddressInfo).port, visits: () => visits }
}

/** Every way that a page has to talk to an address. */
const reachOut = (host: string) => `(async () => {
  const settle = (work) => Promise.race([
    work.then(() => 'reached', () => 'refused'),
    new Promise((done) => setTimeout(done, 60_000, 'silent')),
  ])
  const event = (thing, good, bad) => settle(new Promise((yes, no) => (thing[good] = yes, thing[bad] = no)))
  const url = 'http://${host}/latest/meta-data/'
  const frame = document.body.appendChild(document.createElement('iframe'))
  frame.src = url
  const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:${host}' }, { urls: 'turn:${host}?transport=tcp', username: 'a', credential: 'b' }] })
  peer.createDataChannel('x')
  await peer.setLocalDescription(await peer.createOffer())
  const candidates = new Promise((done) => {
    const all = []
    peer.onicecandidate = ({ candidate }) => (candidate ? all.push(candidate.candidate) : done(all))
    setTimeout(done, 3_000, all)
  })
  const worker = 'onmessage = ({ data }) => fetch(data, { mode: "cors" }).then(() => postMessage("reached"), () => postMessage("refused"))'
  const inWorker = settle(new Promise((yes, no) => {
    const thread = new Worker(URL.createObjectURL(new Blob([worker])))
    thread.onmessage = ({ data }) => (data === 'reached' ? yes() : no())
    thread.postMessage(url)
  }))
  return {
    fetch: await settle(fetch(url)),
    image: await event(Object.assign(new Image(), { src: url }), 'onload', 'onerror'),
    socket: await event(new WebSocket('ws://${host}/'), 'onopen', 'onerror'),
    events: await event(new EventSource(url), 'onopen', 'onerror'),
    worker: await inWorker,
    serviceWorker: await settle(navigator.serviceWorker.register(url)),
    candidates: (await candidates).filter((text) => / typ (srflx|relay) /.test(text)),
  }
})()`
const NOTHING = {
  ...{ fetch: 'refused', image: 'refused', socket: 'refused', events: 'refused' },
  ...{ worker: 'refused', serviceWorker: 'refused', candidates: [] },
}

test('T13: no page reaches the metadata service or a private address, by whatever a page has', async (t) => {
  const secret = await openSecret()
  const hosts = [
    '169.254.169.254',
    '2852039166',
    '[::ffff:169.254.169.254]',
    `127.0.0.1:${secret.port}`,
    `localhost:${secret.port}`,
    `[::1]:${secret.port}`,
    `0.0.0.0:${secret.port}`,
  ]
  await narrow.survives(t, async (culprit) => {
    const script = `Promise.all([${hosts.map(reachOut).join()}])`
    const told = await culprit.command('execute', { script, timeoutMs: 120_000 })
    assert.deepEqual(
      told.body.result,
      hosts.map(() => NOTHING),
    )
    for (const host of hosts) {
      const asked = await culprit.command('navigate', { url: `http://${host}/` })
      const shown = asked.status === 200 ? asked.body.status : asked.status
      assert.ok([403, 502].includes(shown), `${host}: ${JSON.stringify(asked.body)}`)
      await culprit.command('navigate', { url: narrow.site.url })
      await culprit.command('execute', { script: `void (location.href = 'http://${host}/')` })
      await eventually('the page has gone where it wanted', async () => {
        const { status } = await culprit.command('navigate', { url: narrow.site.url })
        return status === 200
      })
    }
    await isWrittenDown(culprit)
  })
  assert.equal(secret.visits(), 0, 'nobody was there')
})

/** Refused requests stand in the account's history. */
async function isWrittenDown(culprit: Rental): Promise<void> {
  const { accountId } = await culprit.show()
  await eventually('a refusal is written down', async () =>
    (await narrow.factsOf(accountId)).includes('session.request_refused'),
  )
}

const OWN_PAGES = [
  'file:///etc/passwd',
  'view-source:file:///etc/passwd',
  'FILE:///etc/passwd',
  ' file:///etc/passwd',
  'chrome://version',
  'devtools://devtools/bundled/inspector.html',
  'data:text/html,<h1>x</h1>',
  'blob:null/1',
  'javascript:alert(1)',
  'filesystem:file:///etc/passwd',
]

test('T14: the machine’s files and the browser’s own pages do not open', async (t) => {
  await narrow.survives(t, async (culprit) => {
    for (const url of OWN_PAGES) {
      const { status, body } = await culprit.command('navigate', { url })
      assert.deepEqual([status, body.code], [422, 'browser.url_refused'], url)
    }
    const cdp = await open(culprit.cdpUrl)
    const create = '"method":"Target.createTarget","params":{"url":"\\u0066ile:///etc/passwd"}'
    const answers: string[] = []
    cdp.on('message', (text: Buffer) => answers.push(String(text)))
    cdp.send(`{"id":1,${create}}`)
    await eventually('it is answered', () => answers[0])
    assert.match(answers[0]!, /"error"/)
    for (const url of OWN_PAGES.slice(0, 3)) {
      await culprit.evaluate(`void open(${JSON.stringify(url)}); void (location.href = '${url}')`)
    }
    const { result } = await ask(cdp, 2, 'Target.getTargets')
    assert.doesNotMatch(JSON.stringify(result), /"url":"(file|view-source|chrome|devtools):/)
    cdp.terminate()
  })
})

test('T15: the DevTools of a browser are open to no page, and to no other machine', async (t) => {
  const other = await wide.rent()
  await wide.survives(t, async (culprit) => {
    for (const { browser } of [culprit, other]) {
      const { host, port } = new URL(browser.endpoint)
      const way = `127.0.0.1:${browser.egressPort}`
      for (const address of [host, `localhost:${port}`, `[::ffff:127.0.0.1]:${port}`, way]) {
        const script = `Promise.all([
          fetch('http://${address}/json/new?file:///etc/passwd', { method: 'PUT' }),
          fetch('http://${address}/json/version', { mode: 'no-cors' }),
          fetch('http://${address}/json/list'),
        ].map((answer) => answer.then(async (got) => got.status + (await got.text()).slice(0, 200), () => 'refused')))`
        const told = JSON.stringify(await culprit.evaluate(script))
        assert.doesNotMatch(told, /webSocketDebuggerUrl|file:|200/, address)
        const socket = `new Promise((done) => {
          const socket = new WebSocket('ws://${address}${new URL(browser.endpoint).pathname}')
          socket.onopen = () => done('open')
          socket.onerror = () => done('refused')
        })`
        assert.equal(await culprit.evaluate(socket), 'refused', address)
      }
      assert.deepEqual(addressesAt(Number(port)), ['0100007F'], 'it listens on loopback only')
    }
  })
  await other.end(wide.running)
})

/** Where somebody listens at a port, as the kernel writes addresses. */
function addressesAt(port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(ending) && row[3] === '0A')
    .map((row) => row[1]!.slice(0, -ending.length))
}

test('T15: the server has no DevTools of its own, and hands out nobody else’s', async (t) => {
  const base = wide.url.replace('http', 'ws')
  const other = await wide.rent()
  await wide.survives(t, async (culprit) => {
    for (const path of [
      '/json/version',
      '/json/list',
      '/json/new?file:///etc/passwd',
      '/devtools/browser/x',
    ]) {
      for (const method of ['GET', 'PUT']) {
        const { status } = await fetch(wide.url + path, { method })
        assert.ok([404, 405].includes(status), `${method} ${path}: ${status}`)
      }
    }
    const inner = new URL(culprit.browser.endpoint).pathname
    assert.equal((await refusal(base + inner)).status, 404)
    const [, , , , secret] = culprit.cdpUrl.split('/')
    assert.equal(
      (await refusal(`${base}/cdp/${other.id}/${secret}`)).status,
      404,
      'a foreign session',
    )
    const guess = 'A'.repeat(secret!.length)
    assert.equal((await refusal(`${base}/cdp/${culprit.id}/${guess}`)).status, 404, 'a guess')
    for (const origin of ['https://evil.example', 'null', 'file://']) {
      assert.equal((await refusal(culprit.cdpUrl, { origin })).status, 403, origin)
      assert.equal((await refusal(culprit.liveUrl, { origin })).status, 403, origin)
    }
    const rebound = { host: 'evil.example' }
    assert.equal((await refusal(culprit.cdpUrl, rebound)).status, 421)
  })
  await other.end(wide.running)
})

test('T16: who may only read a session gets a socket that only looks', async (t) => {
  const ended = await narrow.survives(t, async (culprit) => {
    const reader = await culprit.account.program('sessions.read')
    const { body } = await reader.get(`/sessions/${culprit.id}`)
    assert.notEqual(body.cdpUrl, culprit.cdpUrl)
    const cdp = await open(body.cdpUrl)
    const refused: [string, object?][] = [
      ['Runtime.evaluate', { expression: '1' }],
      ['Storage.getCookies'],
      ['Network.getAllCookies'],
      ['Target.createTarget', { url: 'about:blank' }],
      ['Target.attachToBrowserTarget'],
      ['Browser.crash'],
    ]
    for (const [at, [method, params]] of refused.entries()) {
      const { error } = await ask(cdp, 100 + at, method, params)
      assert.ok(error, `${method} is refused`)
    }
    // Clients say these when they connect or leave; they are answered, and nothing is done.
    await ask(cdp, 200, 'Browser.setDownloadBehavior', { behavior: 'deny' })
    await ask(cdp, 201, 'Browser.close')
    cdp.terminate()
    const drive = await reader.post(`/sessions/${culprit.id}/execute`, { script: '1' })
    assert.equal(drive.status, 403)
    assert.equal((await reader.delete(`/sessions/${culprit.id}`)).status, 403)
    assert.equal(await culprit.evaluate('40 + 2'), 42, 'the session lives')
  })
  assert.equal(ended.endReason, 'asked')
})

test('T16: not even who may drive reaches files, downloads elsewhere or other browsers by CDP', async (t) => {
  const ended = await narrow.survives(t, async (culprit) => {
    const cdp = await open(culprit.cdpUrl)
    const elsewhere = { behavior: 'allow', downloadPath: '/etc' }
    const hostile: [string, object?][] = [
      ['Browser.crash'],
      ['Browser.crashGpuProcess'],
      ['SystemInfo.getProcessInfo'],
      ['Extensions.loadUnpacked', { path: '/tmp' }],
      ['DOM.setFileInputFiles', { files: ['/etc/passwd'], nodeId: 1 }],
      ['Target.createTarget', { url: 'chrome://settings' }],
    ]
    for (const [at, [method, params]] of hostile.entries()) {
      const { error } = await ask(cdp, 300 + at, method, params)
      assert.ok(error, `${method} is refused`)
    }
    // Answered as if it were done; where files go stays the session's.
    await ask(cdp, 400, 'Browser.setDownloadBehavior', elsewhere)
    cdp.terminate()
    assert.equal(await culprit.evaluate('40 + 2'), 42, 'the session lives')
  })
  assert.equal(ended.endReason, 'asked')
})

test('T17: nobody says how Chromium is launched', async () => {
  const ann = await Account.register(narrow.url)
  const wishes = {
    args: ['--no-sandbox', '--load-extension=/tmp'],
    executablePath: '/bin/sh',
    env: { LD_PRELOAD: '/tmp/x.so' },
    userDataDir: '../other',
    headless: false,
    ignoreDefaultArgs: true,
    launch: { args: ['--no-sandbox'] },
  }
  for (const [member, value] of Object.entries(wishes)) {
    const { status, body } = await ann.post('/sessions', { [member]: value })
    assert.deepEqual([status, body.code], [400, 'request.invalid'], member)
    assert.match(JSON.stringify(body.errors), new RegExp(member), 'and which member it is')
    const text = encodeURIComponent(JSON.stringify(value))
    const socket = `${narrow.url.replace('http', 'ws')}/cdp?${member}=${text}`
    const authorization = `Bearer ${ann.token}`
    assert.deepEqual(await refusal(socket, { authorization }), {
      status: 400,
      code: 'request.invalid',
    })
  }
  const sneaky = {
    userAgent: 'x --no-sandbox\n--load-extension=/tmp',
    locale: 'de-DE --no-sandbox',
    timezone: '../../etc/passwd',
  }
  for (const [member, value] of Object.entries(sneaky)) {
    assert.equal((await ann.post('/sessions', { [member]: value })).status, 400, member)
  }
  assert.deepEqual((await ann.get('/sessions')).body.items, [], 'nothing was started')
})

test('T18: a socket opens only by what was made for it, while it counts', async (t) => {
  const base = narrow.url.replace('http', 'ws')
  await narrow.survives(t, async (culprit) => {
    const [cdp, live] = [culprit.cdpUrl, culprit.liveUrl]
    const swapped = [cdp.replace('/cdp/', '/live/'), live.replace('/live/', '/cdp/')]
    for (const url of swapped) assert.equal((await refusal(url)).status, 404, 'of another route')
    assert.equal((await refusal(`${cdp}/more`)).status, 404)
    const api = `${base}/api/v1/sessions/${culprit.id}/live`
    assert.equal((await refusal(api)).status, 401)
    for (const name of ['token', 'access_token', 'apiKey']) {
      const url = `${api}?${name}=${culprit.account.token}`
      assert.ok([400, 401].includes((await refusal(url)).status!), `${name} in the query`)
    }
    assert.equal((await refusal(`${base}/cdp?apiKey=${culprit.account.token}`)).status, 401)
    const changed = await culprit.account.revoke(culprit.id)
    assert.equal((await refusal(cdp)).status, 404, 'revoked')
    assert.equal((await refusal(live)).status, 404, 'revoked')
    ;(await open(changed.cdpUrl)).terminate()
  })
})
