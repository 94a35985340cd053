import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import pino from 'pino'
import { chromium } from 'playwright-core'
import { systemClock } from '#kernel/clock.ts'
import { TestSite, customerOf, refusal, startBrowser } from '../driver/test-browser.ts'
import { until } from '../host/fixture.ts'
import { SessionFeed } from '../watch/feed.ts'
import { PageWatcher } from '../watch/watcher.ts'
import { assertHar } from './test-har-shape.ts'
import { type Manifest, type TimelineEvent, MANIFEST } from './manifest.ts'
import { RecordingReader } from './reader.ts'
import { Recorder, type RecordingWish } from './recorder.ts'

const log = pino({ level: 'silent' })
const browser = await startBrowser()
const site = await TestSite.start()
const customer = await customerOf(browser)
const DEADLINE_MS = 60_000
const ANIMATED = `<style>div{width:200px;height:200px;animation:a 1s linear infinite}
@keyframes a{from{background:red}to{background:blue}}</style><div></div>`

/** Objects in memory that refuse to be changed, but for the manifest. */
class MemoryStore {
  readonly objects = new Map<string, Buffer>()
  fails = false
  refused = 0

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.fails) this.refused++
    if (this.fails) throw new Error('the store is away')
    assert.ok(name === MANIFEST || !this.objects.has(name), `${name} was written twice`)
    this.objects.set(name, Buffer.from(bytes))
  }

  async read(name: string): Promise<Buffer> {
    const object = this.objects.get(name)
    if (!object) throw new Error(`no object ${name}`)
    return object
  }

  get manifest(): Manifest | undefined {
    const text = this.objects.get(MANIFEST)
    return text && (JSON.parse(String(text)) as Manifest)
  }
}

async function recording(
  t: TestContext,
  options: Partial<RecordingWish> = {},
  flushEveryMs: number | undefined = 300,
) {
  const feed = new SessionFeed({ clock: systemClock, log })
  const shared = { endpoint: browser.endpoint, feed, log, clock: systemClock }
  const watcher = new PageWatcher(shared)
  const sink = new MemoryStore()
  const sessionId = 'ses_test'
  const place = { sessionId, watcher, sink }
  const recorder = await Recorder.open({ ...shared, ...place, options, flushEveryMs })
  t.after(async () => {
    await recorder.end()
    watcher[Symbol.dispose]()
  })
  return { feed, watcher, sink, recorder }
}

async function openPage(t: TestContext, url: string) {
  const { targetId } = await customer.send<{ targetId: string }>('Target.createTarget', { url })
  t.after(() => customer.send('Target.closeTarget', { targetId }).catch(() => {}))
  const options = { targetId, flatten: true }
  const { sessionId } = await customer.send<{ sessionId: string }>('Target.attachToTarget', options)
  const run = (expression: string) =>
    customer.send<{ result: { value: unknown } }>(
      'Runtime.evaluate',
      { expression, returnByValue: true, awaitPromise: true },
      sessionId,
    )
  const loaded = async () => {
    const { result } = await run('location.protocol + document.readyState')
    return result.value === 'http:complete'
  }
  await until('the page has loaded', loaded, DEADLINE_MS)
  return { targetId, sessionId, run }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Waits until so many frames of a page are stored; Chromium may take its time to paint. */
async function untilFilmed(sink: MemoryStore, targetId: string, count: number): Promise<void> {
  const isFilmed = async () => {
    if (!sink.manifest) return false
    const frames = await all((await RecordingReader.open(sink)).frames())
    return frames.filter(({ pageId }) => pageId === targetId).length >= count
  }
  await until(`${count} frames of the page`, isFilmed, DEADLINE_MS)
}

/** A recording of a page that does a bit of everything. */
async function recorded(t: TestContext, options: Partial<RecordingWish> = {}) {
  const { recorder, sink, feed } = await recording(t, { network: true, fps: 5, ...options })
  const page = await openPage(t, site.page('<title>Start</title>'))
  const heard: string[] = []
  feed.subscribe({ kinds: new Set(['console', 'network']) }, ({ data }) => {
    heard.push(String(data.text ?? data.url))
  })
  await until(
    'the page is watched',
    async () => {
      await page.run('console.log("ready"); 0')
      return heard.includes('ready')
    },
    DEADLINE_MS,
  )
  const next = site.page(
    `<title>Next</title>${ANIMATED}<script>console.warn('<b>\\nhello')</script>`,
    {
      headers: { 'set-cookie': 'sid=secret; Path=/' },
    },
  )
  const startedAt = new Date()
  await page.run(`location.href = '${next}?q=a%20b&q=2'.replace(/\\?.*/, '')`)
  await until('the page is told', () => heard.some((text) => text.endsWith('hello')), DEADLINE_MS)
  const more = site.page('more')
  await page.run(
    `fetch('${more}?a=1&b=x%20y', { method: 'POST', body: 'four', headers: { authorization: 'Bearer secret' } }).then((r) => r.text())`,
  )
  await page.run(
    `fetch('http://127.0.0.1:1/').catch(() => {}); setTimeout(() => { throw new Error('oops') }); 0`,
  )
  await until('the failure is told', () => heard.includes('http://127.0.0.1:1/'), DEADLINE_MS)
  await until('the error is told', () => heard.some((text) => text.includes('oops')), DEADLINE_MS)
  if (options.frames !== false) await untilFilmed(sink, page.targetId, 2)
  const command = { id: 'cmd_1', type: 'navigate', params: { url: next }, startedAt }
  recorder.command({ ...command, endedAt: new Date(), status: 'success' })
  recorder.input({ type: 'click', x: 1, y: 2 })
  const manifest = await recorder.end()
  return { sink, manifest, next, more, reader: await RecordingReader.open(sink), page }
}

test('what happened and how it looked is stored, and read back', async (t) => {
  const { reader, manifest, sink, page } = await recorded(t)
  assert.deepEqual(sink.manifest, manifest)
  assert.equal(manifest.complete, true)
  assert.equal(manifest.endedBy, 'asked')
  const events = await all(reader.events())
  const kinds = new Set(events.map(({ kind }) => kind))
  for (const kind of ['command', 'console', 'exchange', 'input', 'navigation']) {
    assert.ok(kinds.has(kind as TimelineEvent['kind']), kind)
  }
  assert.equal(events.length, manifest.totals.events)
  const frames = await all(reader.frames())
  assert.equal(frames.length, manifest.totals.frames)
  const ofPage = frames.filter(({ pageId }) => pageId === page.targetId)
  assert.ok(ofPage.length > 0, 'there are frames of the page')
  for (const { jpeg, width } of ofPage) {
    assert.deepEqual([...jpeg.subarray(0, 3), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xff, 0xd9])
    assert.ok(width > 0)
  }
  const from = frames[1]!.ms
  const some = await all(reader.frames({ from, to: from }))
  assert.ok(some.length > 0 && some.every(({ ms }) => ms === from))
})

test('the archive of requests has every member that HAR 1.2 asks for, and no credentials', async (t) => {
  const { reader, next, more } = await recorded(t, { frames: false })
  const text = (await all(reader.har())).join('')
  const { log } = assertHar(JSON.parse(text))
  assert.ok(log.pages.some(({ title }) => title === next))
  const entry = (url: string) => log.entries.find(({ request }) => request.url.startsWith(url))!
  const loaded = entry(next)
  assert.equal(loaded.response.status, 200)
  assert.equal(log.pages.find(({ id }) => id === loaded.pageref)?.title !== undefined, true)
  assert.deepEqual(loaded.response.cookies, [])
  const posted = entry(more)
  assert.equal(posted.request.method, 'POST')
  assert.equal(posted.request.bodySize, 4)
  assert.deepEqual(posted.request.queryString, [
    { name: 'a', value: '1' },
    { name: 'b', value: 'x y' },
  ])
  assert.equal(entry('http://127.0.0.1:1/').response.status, 0)
  assert.doesNotMatch(text, /secret/)
  assert.match(text, /\[masked\]/)
})

test('credentials are kept when the recording was asked to', async (t) => {
  const { reader, next } = await recorded(t, { frames: false, credentials: true })
  const { log } = assertHar(JSON.parse((await all(reader.har())).join('')))
  const { response } = log.entries.find(({ request }) => request.url === next)!
  assert.deepEqual(response.cookies, [{ name: 'sid', value: 'secret' }])
})

test('the console is lines for people, or JSON', async (t) => {
  const { reader } = await recorded(t, { frames: false })
  const text = (await all(reader.consoleLog())).join('')
  assert.match(text, /^\d{4}-\S+Z warning <b>\n {4}hello \(http/m)
  assert.match(text, /error {3}Error: oops/)
  const lines = await all(reader.consoleLog({ format: 'jsonl' }))
  assert.ok(
    lines
      .map((line) => JSON.parse(line) as { level: string })
      .some(({ level }) => level === 'warning'),
  )
})

test("Playwright's own viewer shows the trace", async (t) => {
  const { reader, next } = await recorded(t)
  const zip = await buffer(await reader.trace())
  const viewer = await serveViewer(zip)
  t.after(() => viewer.close())
  const playwright = await chromium.connectOverCDP(browser.endpoint, { noDefaults: true })
  t.after(() => playwright.close())
  const context = await playwright.newContext({ viewport: { width: 1280, height: 800 } })
  context.setDefaultTimeout(DEADLINE_MS)
  const page = await context.newPage()
  await page.goto(`${viewer.url}/index.html?trace=${viewer.url}/trace.zip`)
  const options = { timeout: DEADLINE_MS }
  await page.getByText('navigate', { exact: true }).first().waitFor(options)
  await page.getByText(`Navigated to "${next}"`).first().waitFor(options)
  await page.getByRole('tab', { name: /Console/ }).click(options)
  await page.getByText('Error: oops').first().waitFor(options)
  await page.getByRole('tab', { name: /Network/ }).click(options)
  await page.getByText('POST').first().waitFor(options)
  await page
    .locator('.film-strip-frame')
    .first()
    .waitFor({ ...options, state: 'attached' })
  await context.close()
})

test('what is recorded is stored within seconds, and readable when the process is killed', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5 }, 5_000)
  await openPage(t, site.page(ANIMATED))
  recorder.input({ type: 'click' })
  const isStored = ({ totals }: Manifest) => totals.events > 0 && totals.frames > 0
  await until('a flush', () => Boolean(sink.manifest && isStored(sink.manifest)), DEADLINE_MS)
  const killed = new MemoryStore()
  for (const [name, bytes] of sink.objects) killed.objects.set(name, bytes)
  const reader = await RecordingReader.open(killed)
  assert.equal(reader.manifest.complete, false)
  const events = await all(reader.events())
  assert.ok(events.some(({ kind }) => kind === 'input'))
  assert.ok((await all(reader.frames())).length > 0)
  assertHar(JSON.parse((await all(reader.har())).join('')))
})

test('a recording ends at its bound and says so', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5, maxBytes: 60_000 })
  await openPage(t, site.page(ANIMATED))
  const pad = 'x'.repeat(5_000)
  const timer = setInterval(() => recorder.input({ pad }), 50)
  t.after(() => clearInterval(timer))
  assert.equal(await recorder.ended, 'limit')
  assert.equal(sink.manifest!.endedBy, 'limit')
  const stored = [...sink.objects].filter(([name]) => name !== MANIFEST)
  assert.ok(stored.reduce((sum, [, bytes]) => sum + bytes.length, 0) <= 60_000)
  const before = sink.objects.size
  recorder.input({ type: 'late' })
  await recorder.end()
  assert.equal(sink.objects.size, before)
})

test('a store that is away for a while ends no recording, and has all of it afterwards', async (t) => {
  const { recorder, sink } = await recording(t, { frames: false }, 50)
  await until('the recording has begun', () => sink.manifest !== undefined, DEADLINE_MS)
  sink.fails = true
  recorder.input({ type: 'click' })
  const { refused } = sink
  await until('it was tried again', () => sink.refused > refused + 3, DEADLINE_MS)
  recorder.input({ type: 'press' })
  sink.fails = false
  await until('it is stored', () => sink.manifest!.lastMs > 0, DEADLINE_MS)
  assert.equal((await recorder.end()).endedBy, 'asked')
  const inputs = (await all((await RecordingReader.open(sink)).events())).filter(
    ({ kind }) => kind === 'input',
  )
  assert.deepEqual(
    inputs.map(({ data }) => data.type),
    ['click', 'press'],
  )
})

test('live view and recording can both film a page', async (t) => {
  const page = await openPage(t, site.page(ANIMATED))
  const viewer = await customerOf(browser)
  const { sessionId } = await viewer.send<{ sessionId: string }>('Target.attachToTarget', {
    targetId: page.targetId,
    flatten: true,
  })
  await viewer.send('Page.enable', {}, sessionId)
  await viewer.send('Page.startScreencast', { format: 'jpeg', quality: 80 }, sessionId)
  const { recorder, sink } = await recording(t, { fps: 5 })
  await untilFilmed(sink, page.targetId, 6)
  await viewer.send('Page.stopScreencast', {}, sessionId)
  const at = (await recorder.end()).totals.frames
  assert.ok(at > 5)
})

test('the last state of a page that falls still is among the frames', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5 })
  const page = await openPage(
    t,
    site.page(`<script>
      const end = Date.now() + 1500
      const turn = () => {
        const over = Date.now() > end
        document.documentElement.style.background = over ? 'rgb(0, 255, 0)' : 'rgb(' + (Date.now() % 256) + ', 0, 255)'
        if (!over) requestAnimationFrame(turn)
      }
      turn()
    </script>`),
  )
  const colour = async (jpeg: Buffer) => {
    const { result } = await page.run(`new Promise((done) => {
      const image = new Image()
      image.onload = () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
        const context = canvas.getContext('2d')
        context.drawImage(image, 0, 0, 1, 1)
        done([...context.getImageData(0, 0, 1, 1).data])
      }
      image.src = 'data:image/jpeg;base64,${jpeg.toString('base64')}'
    })`)
    return result.value as [red: number, green: number, blue: number]
  }
  const isGreen = async () => {
    if (!sink.manifest) return false
    const frames = await all((await RecordingReader.open(sink)).frames())
    const last = frames.findLast(({ pageId }) => pageId === page.targetId)
    if (!last) return false
    const [red, green, blue] = await colour(last.jpeg)
    return red < 40 && green > 200 && blue < 40
  }
  await until('the last frame is green', isGreen, DEADLINE_MS)
  await recorder.end()
})

test('what is no recording, or a damaged one, is refused as such', async () => {
  const store = new MemoryStore()
  store.objects.set(MANIFEST, Buffer.from('{"format":"other"}'))
  await refusal(RecordingReader.open(store), 'recording.unreadable')
  store.objects.set(MANIFEST, Buffer.from('{"for'))
  await refusal(RecordingReader.open(store), 'recording.unreadable')
})

/** The viewer that Playwright brings, and a trace for it. */
async function serveViewer(zip: Buffer) {
  const root = join(
    dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')),
    'lib/vite/traceViewer',
  )
  const types: Record<string, string> = {
    js: 'text/javascript',
    html: 'text/html',
    css: 'text/css',
  }
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, 'http://localhost').pathname)
    const content = path === '/trace.zip' ? Promise.resolve(zip) : readFile(join(root, path))
    content.then(
      (bytes) => {
        const type = types[path.split('.').at(-1)!] ?? 'application/octet-stream'
        response.writeHead(200, { 'content-type': type }).end(bytes)
      },
      () => response.writeHead(404).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = promisify(server.close.bind(server))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return close()
    },
  }
}
