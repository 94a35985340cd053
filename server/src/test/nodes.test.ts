import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import WebSocket from 'ws'
import { signalProcess } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { type Body, NodeFleet } from './node-fleet.ts'
import { servePages } from './page-server.ts'
import { ServerHome } from './process.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const FILE = Buffer.alloc(300_000, 'file')
const pages = stack.use(
  await servePages(({ url }, response) => {
    if (url === '/file') {
      response.setHeader('content-disposition', 'attachment; filename="a file.bin"')
      return void response.end(FILE)
    }
    if (url === '/never') return
    response.setHeader('content-type', 'text/html')
    response.end('<title>Far</title><h1>far</h1><a id="down" href="/file">down</a>')
  }),
)
const fleet = stack.use(await NodeFleet.open())

// A node that is frozen now and asked about at the end: the judge takes its time meanwhile.
const frozen = await fleet.join({ MAX_SESSIONS: '1' })
const abandoned = await fleet.session()
await eventually('its beat has told of it', async () => {
  return (await fleet.get('/fleet/nodes')).items[0].sessions === 1
})
frozen.process!.signal('SIGSTOP')
stack.defer(() => frozen.process!.signal('SIGCONT'))

const node = await fleet.join()

const run = (session: Body, command: string, body: unknown = {}) =>
  fleet.post(`/sessions/${session.id}/${command}`, body)

/** A session with a page, which is ended with the test at the latest. */
async function openPage(): Promise<Body> {
  const session = await fleet.session()
  const { status, body } = await run(session, 'navigate', { url: pages.url })
  assert.deepEqual([status, body.title], [200, 'Far'], JSON.stringify(body))
  return {
    ...session,
    [Symbol.asyncDispose]: () => fleet.call('DELETE', `/sessions/${session.id}`),
  }
}

async function end(session: Body): Promise<void> {
  const { body } = await fleet.call('DELETE', `/sessions/${session.id}`)
  assert.deepEqual(body.wipe, CLEAN, JSON.stringify(body))
}

/** Sends one request to the node itself. */
async function ask(path: string, headers: Record<string, string> = {}) {
  const sent = httpsRequest(node.url + path, { headers, rejectUnauthorized: false, agent: false })
  sent.end()
  const [response] = await once(sent, 'response')
  return { status: response.statusCode as number, text: await text(response) }
}

const statusOf = async (...args: Parameters<typeof ask>) => (await ask(...args)).status
const health = async (): Promise<Body> => JSON.parse((await ask('/health')).text)

test('a session of another machine answers every kind of command as one of this process does', async () => {
  await using session = await openPage()
  assert.equal(
    (await run(session, 'execute', { script: '({ a: [1, null] })' })).body.result.a[0],
    1,
  )
  const shot = await run(session, 'screenshot')
  assert.equal(Buffer.from(shot.body.base64, 'base64').subarray(1, 4).toString(), 'PNG')
  const image = await fleet.post(`/sessions/${session.id}/screenshot`, {}, { accept: 'image/png' })
  assert.equal(image.body.subarray(1, 4).toString(), 'PNG')
  const pdf = await fleet.post(`/sessions/${session.id}/pdf`, {}, { accept: 'application/pdf' })
  assert.equal(pdf.body.subarray(0, 5).toString(), '%PDF-')
  const missing = await run(session, 'click', { selector: '#none', timeoutMs: 5_000 })
  assert.deepEqual([missing.status, missing.body.code], [422, 'browser.selector_not_found'])
  assert.match(missing.body.detail, /#none/)
  await run(session, 'click', { selector: '#down' })
  const file: Body = await eventually('the download is there', async () => {
    const { items } = await fleet.get(`/sessions/${session.id}/downloads`)
    return items?.find(({ status }: Body) => status === 'completed')
  })
  const content = await fleet.call('GET', `/sessions/${session.id}/downloads/${file.id}`)
  assert.ok(content.body.equals(FILE))
  await fleet.until(session.id, 'its page is told', ({ currentTitle }) => currentTitle === 'Far')
  await end(session)
  const ended = await run(session, 'execute', { script: '1' })
  assert.deepEqual([ended.status, ended.body.code], [409, 'session.closed'])
  assert.deepEqual(node.browsers(), [], 'nothing runs on the machine')
})

test('its cdpUrl serves puppeteer and playwright, and its liveUrl shows frames', async () => {
  await using session = await openPage()
  const titleBy = {
    async puppeteer() {
      const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl })
      const [page] = await browser.pages()
      const title = await page!.title()
      await browser.disconnect()
      return title
    },
    async playwright() {
      const browser = await chromium.connectOverCDP(session.cdpUrl)
      const title = await browser.contexts()[0]!.pages()[0]!.title()
      await browser.close()
      return title
    },
  }
  assert.equal(await titleBy.puppeteer(), 'Far')
  assert.equal(await titleBy.playwright(), 'Far')

  const live = new WebSocket(session.liveUrl)
  const frame = await new Promise<Buffer>((resolve, reject) => {
    live.on('message', (message: Buffer, isBinary) => isBinary && resolve(message))
    live.once('error', reject)
    live.once('close', (code) => reject(new Error(`closed with ${code}`)))
  })
  assert.ok(frame.includes(Buffer.from([0xff, 0xd8, 0xff])), 'a JPEG')
  const closed = once(live, 'close')
  await end(session)
  await closed
})

test('the node itself talks to nobody without a token, and tells whether its browsers answer', async () => {
  await using session = await openPage()
  const path = `/sessions/${session.id}`
  const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
  assert.equal(await statusOf(`${path}/feed?kinds=state`), 401)
  assert.equal(
    await statusOf(`${path}/feed?kinds=state`, { authorization: `Bearer ${fleet.token}` }),
    401,
  )
  assert.equal(await statusOf(`${path}/socket`, upgrade), 401)
  assert.equal(await statusOf('/anything'), 401)
  assert.equal(await statusOf('/health'), 200)
  assert.match((await health()).detail, /^1 of 1 /)
  await end(session)
})

test('a kill -9 of the API costs no session: the same cdpUrl leads to the same page', async () => {
  await using session = await openPage()
  await run(session, 'execute', { script: 'window.kept = 42' })
  const socket = new WebSocket(session.cdpUrl)
  await once(socket, 'open')
  const cut = once(socket, 'close')
  fleet.api.signal('SIGKILL')
  await cut
  await fleet.start()
  const kept = await eventually('it is driven again', async () => {
    const { status, body } = await run(session, 'execute', { script: 'window.kept' })
    return status === 200 && body.result
  })
  assert.equal(kept, 42)
  const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl })
  const [page] = await browser.pages()
  assert.equal(await page!.evaluate('window.kept'), 42)
  await browser.disconnect()
  await end(session)
})

test('a kill -9 of the node costs no session either, whatever the API asks meanwhile', async () => {
  await using session = await openPage()
  await run(session, 'execute', { script: 'window.kept = 43' })
  node.process!.signal('SIGKILL')
  await node.process!.ended
  assert.ok(node.browsers().length > 0, 'its browser lives')
  const lost = await run(session, 'execute', { script: 'window.kept' })
  assert.deepEqual([lost.status, lost.body.code], [503, 'session.unreachable'])
  await node.start()
  const kept = await eventually('it is driven again', async () => {
    const answer = await run(session, 'execute', { script: 'window.kept' })
    return answer.status === 200 && answer.body.result
  })
  assert.equal(kept, 43)
  await end(session)
  assert.deepEqual(node.browsers(), [])
})

test('a kill -9 of Chromium ends its session, and a report that could not be delivered is not lost', async () => {
  await using session = await openPage()
  const browsers = node.browsers()
  fleet.api.signal('SIGKILL')
  await fleet.api.ended
  for (const pid of browsers) signalProcess(pid, 'SIGKILL')
  const isEnd = (line: string) => line.includes('session ended') && line.includes(session.id)
  await eventually('the node has seen it', () => node.process!.output.split('\n').some(isEnd))
  node.process!.signal('SIGKILL')
  await node.start()
  await fleet.start()
  const ended = await fleet.until(session.id, 'it has ended', ({ status }) => status === 'error')
  assert.deepEqual([ended.endReason, ended.wipe], ['crashed', CLEAN], JSON.stringify(ended))
})

test('packets that are lost, either way, make a call end and leave the session usable', async () => {
  await using session = await openPage()
  for (const ways of [['there'], ['back']] as const) {
    node.cable.swallow(...ways)
    const { status, body } = await run(session, 'execute', { script: '1' })
    assert.deepEqual([status, body.code], [503, 'session.unreachable'], JSON.stringify(body))
    node.cable.swallow()
    const back = await eventually('it is driven again', async () => {
      const { status, body } = await run(session, 'execute', { script: '1 + 1' })
      return status === 200 && body.result
    })
    assert.equal(back, 2)
  }
  node.cable.cut()
  await eventually('a cut connection is made anew', async () => {
    return (await run(session, 'execute', { script: '1' })).status === 200
  })
  await end(session)
})

test('addresses that were revoked while the node did not hear of it are cut with its next beat', async () => {
  await using session = await openPage()
  const socket = new WebSocket(session.cdpUrl)
  await once(socket, 'open')
  let closedWith: number | undefined
  socket.once('close', (code) => (closedWith = code))
  node.cable.swallow('there')
  const path = `/sessions/${session.id}`
  const { status, body } = await fleet.call('PATCH', path, { revokeUrls: true })
  assert.deepEqual([status, body.code], [503, 'session.unreachable'], JSON.stringify(body))
  const code = await eventually('the socket is cut', () => closedWith)
  assert.equal(code, 1008, 'by the node')
  node.cable.swallow()
  const { cdpUrl } = await fleet.get(path)
  const again = await eventually('its new address opens it', async () => {
    const fresh = new WebSocket(cdpUrl)
    fresh.on('error', () => {})
    const isOpen = await Promise.race([
      once(fresh, 'open').then(
        () => true,
        () => false,
      ),
      once(fresh, 'close').then(() => false),
    ])
    return isOpen && fresh
  })
  again.terminate()
  await end(session)
})

test('a create whose answer is lost leaves no browser', async () => {
  node.cable.swallow('back')
  const creating = fleet.post('/sessions', { queueTimeoutSeconds: 15 })
  await eventually('the browser runs', () => node.browsers().length > 0)
  const refused = await creating
  assert.ok(refused.status >= 500, JSON.stringify(refused.body))
  node.cable.swallow()
  await eventually('it is ended', () => node.browsers().length === 0)
  const { items } = await fleet.get('/sessions?status=starting')
  assert.deepEqual(items, [])
})

test('a node that was away for too long loses its sessions, and wipes them once it is back', async () => {
  const lost = await fleet.until(
    abandoned.id,
    'the judge has spoken',
    ({ endReason }) => endReason === 'lost',
    120_000,
  )
  assert.equal(lost.status, 'error')
  assert.ok(frozen.browsers().length > 0)
  frozen.process!.signal('SIGCONT')
  await eventually('its browsers are gone', () => frozen.browsers().length === 0)
})

test('a node that is drained takes nothing new, lets go on what is open, and then leaves', async () => {
  frozen.process!.signal('SIGKILL')
  await frozen.process!.ended
  // The fleet does not know yet that the other one is dead: whoever finds out goes on to this one.
  await using session = await openPage()
  const isOwn = ({ instanceId }: Body) => instanceId === session.instanceId
  const { id } = (await fleet.get('/fleet/nodes')).items.find(isOwn)
  const drained = () => fleet.get('/fleet/nodes').then(({ items }) => items.find(isOwn))
  const drain = (method: string) => fleet.call(method, `/fleet/nodes/${id}/drain`)
  assert.equal((await drain('POST')).status, 200)
  const other = await fleet.post('/sessions', { queueTimeoutSeconds: 0 })
  assert.notEqual(other.body.instanceId, session.instanceId, JSON.stringify(other.body))
  await eventually('the node has heard it', async () => (await health()).draining)
  await drain('DELETE')
  await eventually('it is let back', async () => (await drained()).status === 'ready')
  await drain('POST')
  const { status, body } = await run(session, 'execute', { script: '1' })
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(node.process!.child.exitCode, null, 'it waits for its session')
  await end(session)
  assert.deepEqual(await node.process!.ended, { code: 0, signal: null })
  assert.deepEqual(node.browsers(), [])
})

test('a node that lacks something to join, or is not wanted, says so and ends', async () => {
  await using home = await ServerHome.make()
  const outputOf = async (env: Record<string, string>) => {
    await using process = await home.start({ ROLES: 'node', ...env })
    assert.equal((await process.ended).code, 1)
    return process.output
  }
  const bare = await outputOf({})
  for (const name of ['CONTROL_PLANE_URL', 'JOIN_TOKEN'])
    assert.match(bare, new RegExp(`  ${name}:`))
  const far = { CONTROL_PLANE_URL: 'https://gantry.example', JOIN_TOKEN: 'join_nonsense_nonsense' }
  assert.match(await outputOf(far), /HOST is '127.0.0.1': .*ADVERTISE_URL/)
  assert.match(await outputOf({ ...far, ADVERTISE_URL: 'http://10.0.0.7:8701' }), /ADVERTISE_URL: /)
  const refused = await outputOf({ ...far, CONTROL_PLANE_URL: fleet.api.url, NODE_PORT: '0' })
  assert.match(refused, /403 .*unknown.*Make a new JOIN_TOKEN/)
})
