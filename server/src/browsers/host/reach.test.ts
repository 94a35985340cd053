import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { openAddressGuard } from '#kernel/addresses.ts'
import { IDENTITY, evaluate, openTestHost } from './fixture.ts'

/** A site that pages may reach, and beside it on the same machine one that they may not. */
const site = await openServer()
const secret = await openServer()
const guard = openAddressGuard({ allow: [`127.0.0.1:${site.port}`] })
const strangers = new Set<string>()
const { host, ...place } = await openTestHost({
  guard: {
    resolve(hostname, port) {
      if (hostname !== '127.0.0.1') strangers.add(hostname)
      return guard.resolve(hostname, port)
    },
  },
})
const browser = await host.launch('ses_reach', IDENTITY)
after(async () => {
  await place[Symbol.asyncDispose]()
  for (const { server } of [site, secret]) server.close().closeAllConnections()
})

const home = `http://127.0.0.1:${site.port}`
const target = `http://127.0.0.1:${secret.port}`

test('an allowed site is reached', async () => {
  assert.equal(await evaluate(browser.endpoint, 'document.body.textContent', `${home}/`), 'page')
  assert.ok(site.hits > 0)
})

const attempts = {
  'a navigation': `location.href = '${target}/'; await new Promise((r) => setTimeout(r, 3000))`,
  'a redirect': `await fetch('/redirect?${target}/').catch(() => {})`,
  'a fetch': `await fetch('${target}/', { mode: 'no-cors' }).catch(() => {})`,
  'a fetch over TLS': `await fetch('https://127.0.0.1:${secret.port}/').catch(() => {})`,
  'an image': `await new Promise((done) => {
    const image = new Image(); image.onload = image.onerror = done; image.src = '${target}/x.png'
  })`,
  'a WebSocket': `await new Promise((done) => {
    new WebSocket('ws://127.0.0.1:${secret.port}/').onclose = done
  })`,
  'a frame': `await new Promise((done) => {
    const frame = document.createElement('iframe')
    frame.onload = done; frame.src = '${target}/'; document.body.append(frame)
  })`,
  'a service worker': `
    await navigator.serviceWorker.register('/worker.js?${target}/')
    const { active } = await navigator.serviceWorker.ready
    await new Promise((done) => {
      navigator.serviceWorker.onmessage = done; active.postMessage('go')
    })`,
}

for (const [what, script] of Object.entries(attempts)) {
  test(`${what} to an address that is not public is refused and counted`, async () => {
    const before = host.traffic('ses_reach')!.refused
    await run(script)
    assert.ok(host.traffic('ses_reach')!.refused > before)
    assert.equal(secret.connections, 0)
  })
}

test('WebRTC sends no packet past the proxy, and tells no address of the machine', async (t) => {
  const listener = createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => listener.close())
  let packets = 0
  listener.on('message', () => (packets += 1))
  await once(listener, 'listening')
  const candidates = await evaluate(
    browser.endpoint,
    `(async () => {
      const iceServers = [{ urls: 'stun:127.0.0.1:${listener.address().port}' }]
      const peer = new RTCPeerConnection({ iceServers })
      peer.createDataChannel('x')
      const found = []
      peer.onicecandidate = ({ candidate }) => candidate && found.push(candidate.candidate)
      await peer.setLocalDescription(await peer.createOffer())
      await new Promise((done) => setTimeout(done, 1500))
      return found.filter((line) => / udp /i.test(line))
    })()`,
    `${home}/`,
  )
  assert.deepEqual(candidates, [])
  assert.equal(packets, 0)
})

test('the page shown in place of a refused one names the host', async () => {
  const text = await evaluate<string>(browser.endpoint, 'document.body.textContent', `${target}/`)
  assert.match(text, /may not reach 127\.0\.0\.1/)
})

test('the DevTools port of a browser is out of reach of pages even where loopback is allowed', async () => {
  await using open = await openTestHost({ guard: openAddressGuard({ allow: ['127.0.0.1'] }) })
  const { endpoint } = await open.host.launch('ses_open', IDENTITY)
  const list = `http://127.0.0.1:${new URL(endpoint).port}/json/list`
  const text = await evaluate<string>(endpoint, 'document.body.textContent', list)
  assert.match(text, /not allowed/)
  await open.host.end('ses_open')
})

test('a browser has asked the network for nothing by itself', () => {
  assert.deepEqual([...strangers], [])
})

/** The script may navigate its page away, which Chromium answers with an error. */
async function run(script: string): Promise<void> {
  await evaluate(browser.endpoint, `(async () => { ${script} })()`, `${home}/`).catch(
    (error: Error) => assert.match(error.message, /navigated|context|closed/i),
  )
}

async function openServer() {
  const server = createServer((request, reply) => {
    counts.hits += 1
    const [path, query] = request.url!.split('?')
    if (path === '/redirect') return reply.writeHead(302, { location: query }).end()
    const script = path === '/worker.js'
    reply.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    return reply.end(script ? worker(query!) : '<body>page')
  })
  const counts = { server, port: 0, hits: 0, connections: 0 }
  server.on('connection', () => (counts.connections += 1))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  counts.port = (server.address() as AddressInfo).port
  return counts
}

function worker(url: string): string {
  return `onmessage = async ({ source }) => {
    await fetch('${url}', { mode: 'no-cors' }).catch(() => {})
    source.postMessage('done')
  }`
}
