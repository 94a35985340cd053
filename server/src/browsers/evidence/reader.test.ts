import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { refusal } from '../driver/test-browser.ts'
import { assertHar } from './test-har-shape.ts'
import { type TimelineEvent, MANIFEST } from './manifest.ts'
import { RecordingReader } from './reader.ts'
import { browser, DEADLINE_MS, MemoryStore, all, recorded } from './fixture.ts'

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
