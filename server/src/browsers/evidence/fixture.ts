import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { eventually } from '#kernel/test-support.ts'
import { TestSite, customerOf, startBrowser } from '../driver/test-browser.ts'
import { SessionFeed } from '../watch/feed.ts'
import { PageWatcher } from '../watch/watcher.ts'
import { type Manifest, MANIFEST } from './manifest.ts'
import { RecordingReader } from './reader.ts'
import { Recorder, type RecordingWish } from './recorder.ts'

export const log = pino({ level: 'silent' })
export const browser = await startBrowser()
export const site = await TestSite.start()
export const customer = await customerOf(browser)
export const DEADLINE_MS = 60_000
export const ANIMATED = `<style>div{width:200px;height:200px;animation:a 1s linear infinite}
@keyframes a{from{background:red}to{background:blue}}</style><div></div>`

/** Objects in memory that refuse to be changed, but for the manifest. */
export class MemoryStore {
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

export async function recording(
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

export async function openPage(t: TestContext, url: string) {
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
  await eventually('the page has loaded', loaded, DEADLINE_MS)
  return { targetId, sessionId, run }
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Waits until so many frames of a page are stored; Chromium may take its time to paint. */
export async function untilFilmed(
  sink: MemoryStore,
  targetId: string,
  count: number,
): Promise<void> {
  const isFilmed = async () => {
    if (!sink.manifest) return false
    const frames = await all((await RecordingReader.open(sink)).frames())
    return frames.filter(({ pageId }) => pageId === targetId).length >= count
  }
  await eventually(`${count} frames of the page`, isFilmed, DEADLINE_MS)
}

/** A recording of a page that does a bit of everything. */
export async function recorded(t: TestContext, options: Partial<RecordingWish> = {}) {
  const { recorder, sink, feed } = await recording(t, { network: true, fps: 5, ...options })
  const page = await openPage(t, site.page('<title>Start</title>'))
  const heard: string[] = []
  feed.subscribe({ kinds: new Set(['console', 'network']) }, ({ data }) => {
    heard.push(String(data.text ?? data.url))
  })
  await eventually(
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
  await eventually(
    'the page is told',
    () => heard.some((text) => text.endsWith('hello')),
    DEADLINE_MS,
  )
  const more = site.page('more')
  await page.run(
    `fetch('${more}?a=1&b=x%20y', { method: 'POST', body: 'four', headers: { authorization: 'Bearer secret' } }).then((r) => r.text())`,
  )
  await page.run(
    `fetch('http://127.0.0.1:1/').catch(() => {}); setTimeout(() => { throw new Error('oops') }); 0`,
  )
  await eventually('the failure is told', () => heard.includes('http://127.0.0.1:1/'), DEADLINE_MS)
  await eventually(
    'the error is told',
    () => heard.some((text) => text.includes('oops')),
    DEADLINE_MS,
  )
  if (options.frames !== false) await untilFilmed(sink, page.targetId, 2)
  const command = { id: 'cmd_1', type: 'navigate', params: { url: next }, startedAt }
  recorder.command({ ...command, endedAt: new Date(), status: 'success' })
  recorder.input({ type: 'click', x: 1, y: 2 })
  const manifest = await recorder.end()
  return { sink, manifest, next, more, reader: await RecordingReader.open(sink), page }
}
