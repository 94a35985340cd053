import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { openAddressGuard } from '#kernel/addresses.ts'
import { eventually } from '#kernel/test-support.ts'
import { netLog } from './egress-fixture-net-log.ts'
import type { Refusal } from './egress.ts'
import { IDENTITY, evaluate, openTestHost } from './fixture.ts'

/** A site that pages may reach, and beside it on the same machine one that they may not. */
const site = await openServer()
const secret = await openServer()
/** On the port of the site, so that the same origin can lead to it. */
const rebound = await openServer('127.0.0.2', site.port)
const rebinding = ['127.0.0.1', '127.0.0.2']
const guard = openAddressGuard({
  allow: [`127.0.0.1:${site.port}`],
  lookup: async (name) => {
    if (name === 'rebinding.example') return [{ address: rebinding.shift() ?? '127.0.0.2' }]
    return [{ address: name === 'site.example' ? '127.0.0.1' : '10.0.0.1' }]
  },
})
const strangers = new Set<string>()
const { host, chromium, ...place } = await openTestHost({
  guard: {
    resolve(hostname, port) {
      if (hostname !== '127.0.0.1' && !hostname.endsWith('.example')) strangers.add(hostname)
      return guard.resolve(hostname, port)
    },
  },
})
const told: Refusal[] = []
host.onRefused((_sessionId, refusal) => told.push(refusal))
const egress = { deny: ['denied.example'] }
const browser = await host.launch('ses_reach', IDENTITY, { egress })
after(async () => {
  await place[Symbol.asyncDispose]()
  for (const { server } of [site, secret, rebound]) server.close().closeAllConnections()
})

const home = `http://127.0.0.1:${site.port}`
const target = `http://127.0.0.1:${secret.port}`

test('an allowed site is reached', async () => {
  assert.equal(await evaluate(browser.endpoint, 'document.body.textContent', `${home}/`), 'page')
  assert.ok(site.hits > 0)
})

const attempts = {
  'a navigation': `location.href = '${target}/'; await fetch('/counted')`,
  'a navigation that is redirected': `location.href = '/redirect?${target}/'; await fetch('/counted')`,
  'a form': `document.body.innerHTML = '<form method=post action="${target}/">'
    document.forms[0].submit(); await fetch('/counted')`,
  'a redirect': `await fetch('/redirect?${target}/').catch(() => {})`,
  'a fetch': `await fetch('${target}/', { mode: 'no-cors' }).catch(() => {})`,
  'a fetch over TLS': `await fetch('https://127.0.0.1:${secret.port}/').catch(() => {})`,
  'an image': `await new Promise((done) => {
    const image = new Image(); image.onload = image.onerror = done; image.src = '${target}/x.png'
  })`,
  'a WebSocket': `await new Promise((done) => {
    new WebSocket('ws://127.0.0.1:${secret.port}/').onclose = done
  })`,
  'an XMLHttpRequest': `await new Promise((done) => {
    const ask = new XMLHttpRequest(); ask.onloadend = done; ask.open('GET', '${target}/'); ask.send()
  })`,
  'an EventSource': `await new Promise((done) => {
    const source = new EventSource('${target}/'); source.onerror = () => done(source.close())
  })`,
  'a beacon': `navigator.sendBeacon('${target}/', 'x')`,
  'a style sheet': link('stylesheet', `${target}/`),
  'a module': `await import('${target}/x.js').catch(() => {})`,
  'a prefetch': link('prefetch', `${target}/`),
  'a worker': `await new Promise((done) => {
    const code = "fetch('${target}/', { mode: 'no-cors' }).catch(() => {}).then(() => postMessage(1))"
    new Worker(URL.createObjectURL(new Blob([code]))).onmessage = done
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

let refusedBefore = 0
const whenCounted = () =>
  eventually('counted', () => host.traffic('ses_reach')!.refused > refusedBefore)

for (const [what, script] of Object.entries(attempts)) {
  test(`${what} to an address that is not public is refused and counted`, async () => {
    refusedBefore = host.traffic('ses_reach')!.refused
    await run(script)
    await whenCounted()
    assert.equal(secret.connections, 0)
  })
}

test('a preconnect to an address that is not public is refused and counted, where one is made', async () => {
  refusedBefore = host.traffic('ses_reach')!.refused
  const preconnect = `document.head.innerHTML =
    '<link rel=preconnect href="https://127.0.0.1:${secret.port}/">'`
  if (chromium.headlessShell) {
    // It makes none: only the request that follows is counted.
    await run(`${preconnect}; ${attempts['a fetch']}`)
    assert.equal(host.traffic('ses_reach')!.refused, refusedBefore + 1)
  } else {
    // Nothing tells the page that it was tried: it stays until that is counted.
    await run(`${preconnect}; await fetch('/counted')`)
    await whenCounted()
  }
  assert.equal(secret.connections, 0)
})

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

test('a name that leads elsewhere the second time leads nowhere', async () => {
  const again = `fetch('/again').then((reply) => reply.status)`
  const url = `http://rebinding.example:${site.port}/`
  assert.equal(await evaluate(browser.endpoint, again, url), 403)
  assert.equal(rebound.connections, 0)
})

test('Chromium connects to the gateway only, and asks no name server itself', async () => {
  const hints = `(async () => {
    document.head.innerHTML = \`
      <link rel=dns-prefetch href="//prefetched.example"><link rel=preconnect href="https://hinted.example">\`
    await fetch('https://asked.example/').catch(() => {})
    await fetch('http://asked.example/').catch(() => {})
    const quic = new WebTransport('https://quic.example:4433/')
    await Promise.allSettled([quic.ready, quic.closed])
  })()`
  const url = `http://site.example:${site.port}/`
  const events = await netLog(browser.endpoint, () => evaluate(browser.endpoint, hints, url))

  const dialled = events.filter(({ name }) => name === 'TCP_CONNECT_ATTEMPT')
  const addresses = new Set(dialled.map(({ args }) => args.params?.address).filter(Boolean))
  // None where the connections of earlier tests are still open.
  assert.ok(addresses.size <= 1, [...addresses].join())
  const outside =
    /^(HOST_RESOLVER_(SYSTEM|DNS)_TASK|HOST_RESOLVER_MANAGER_JOB|DNS_TRANSACTION|UDP_BYTES_SENT|QUIC_SESSION)/
  const names = events.map(({ name }) => name)
  // What is not logged at all would prove nothing.
  assert.ok(names.some((name) => name.startsWith('HTTP_')))
  assert.deepEqual(
    names.filter((name) => outside.test(name)),
    [],
  )
})

test('a host that the session denies gets a page that says so, and all refusals are told', async () => {
  const url = `http://denied.example:${site.port}/`
  const text = await evaluate<string>(browser.endpoint, 'document.body.textContent', url)
  assert.match(text, /the rules of its session deny it/)
  const reasons = told.map(({ host: name, port, reason }) => `${name}:${port} ${reason}`)
  assert.ok(reasons.includes(`127.0.0.1:${secret.port} private`))
  assert.ok(reasons.includes(`denied.example:${site.port} denied`))
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

/** The page stays until the link has had its answer: a page that is closed asks for nothing any more. */
function link(rel: string, href: string): string {
  return `await new Promise((done) => {
    const link = document.createElement('link')
    link.onload = link.onerror = done
    Object.assign(link, { rel: '${rel}', href: '${href}' })
    document.head.append(link)
  })`
}

/** The script may navigate its page away, which Chromium answers with an error. */
async function run(script: string): Promise<void> {
  await evaluate(browser.endpoint, `(async () => { ${script} })()`, `${home}/`).catch(
    (error: Error) => assert.match(error.message, /navigated|context|closed/i),
  )
}

async function openServer(address = '127.0.0.1', port = 0) {
  const server = createServer((request, reply) => {
    counts.hits += 1
    const [path, query] = request.url!.split('?')
    if (path === '/redirect') return reply.writeHead(302, { location: query }).end()
    if (path === '/counted') return void whenCounted().finally(() => reply.end())
    const script = path === '/worker.js'
    reply.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    return reply.end(script ? worker(query!) : '<body>page')
  })
  const counts = { server, port: 0, hits: 0, connections: 0 }
  server.on('connection', () => (counts.connections += 1))
  await once(server.listen(port, address), 'listening')
  counts.port = (server.address() as AddressInfo).port
  return counts
}

function worker(url: string): string {
  return `onmessage = async ({ source }) => {
    await fetch('${url}', { mode: 'no-cors' }).catch(() => {})
    source.postMessage('done')
  }`
}
