import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import puppeteer, { type Browser } from 'puppeteer-core'
import { startBrowser } from '../driver/test-browser.ts'
import { TestGateway } from './test-gateway.ts'

const TWENTY_MEGABYTES = 20_000_000

const site = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html')
  response.setHeader('set-cookie', 'kept=1; HttpOnly')
  response.end('<title>shop</title><input type=file><button>buy</button>')
})
await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
after(() => site.close().closeAllConnections())
const page = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`
const browser = await startBrowser()
const gateway = await TestGateway.start(browser.endpoint)
await writeFile(join(gateway.directory, 'uploads/cv.txt'), 'uploaded')

async function connectPuppeteer(url = gateway.url): Promise<Browser> {
  const browser = await puppeteer.connect({ browserWSEndpoint: url, defaultViewport: null })
  after(() => browser.disconnect())
  return browser
}

test('Puppeteer works unchanged: a page, a screenshot, a file, cookies, a context', async () => {
  const browser = await connectPuppeteer()
  const tab = await browser.newPage()
  await tab.goto(page)
  assert.equal(await tab.title(), 'shop')
  assert.ok((await tab.screenshot()).length > 100)
  const input = (await tab.$('input'))!
  await input.uploadFile('/uploads/cv.txt')
  assert.equal(await input.evaluate((node) => node.files![0]!.text()), 'uploaded')
  assert.deepEqual(
    (await browser.cookies()).map(({ name }) => name),
    ['kept'],
  )
  await tab.click('button')
  const context = await browser.createBrowserContext()
  const other = await context.newPage()
  await other.goto(page)
  await context.close()
  await tab.close()
})

test('Playwright works unchanged: a page, a screenshot, files, cookies, a context, a CDP session', async () => {
  const browser = await chromium.connectOverCDP(gateway.url)
  const tab = await browser.contexts()[0]!.newPage()
  await tab.goto(page)
  assert.equal(await tab.title(), 'shop')
  assert.ok((await tab.screenshot()).length > 100)
  const text = { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('buffered') }
  await tab.setInputFiles('input', text)
  const read = () => tab.evaluate(`document.querySelector('input').files[0].text()`)
  assert.equal(await read(), 'buffered')
  await tab.click('button')
  const context = await browser.newContext()
  const other = await context.newPage()
  await other.goto(page)
  assert.deepEqual(
    (await context.cookies()).map(({ name }) => name),
    ['kept'],
  )
  const cdp = await browser.newBrowserCDPSession()
  assert.match(JSON.stringify(await cdp.send('Browser.getVersion')), /Chrome/)
  await context.close()
  await tab.close()
  await browser.close()
})

test('two clients at once see the same pages', async () => {
  const [one, two] = [await connectPuppeteer(), await connectPuppeteer()]
  const tab = await one.newPage()
  await tab.goto(`${page}?both`)
  const target = await two.waitForTarget((target) => target.url().endsWith('?both'))
  const same = (await target.page())!
  await same.evaluate(() => (document.title = 'written by two'))
  assert.equal(await tab.title(), 'written by two')
  await tab.close()
})

test('a client whose socket dropped finds its pages as they were', async () => {
  const first = await connectPuppeteer()
  const tab = await first.newPage()
  await tab.goto(`${page}?kept`)
  await tab.evaluate(() => (document.title = 'still here'))
  const dropped = gateway.connections.at(-1)!
  dropped.close(1012, 'restarting')
  assert.deepEqual(await dropped.closed, { code: 1012, reason: 'restarting' })
  const again = await connectPuppeteer()
  const pages = await again.pages()
  const same = pages.find((found) => found.url().endsWith('?kept'))!
  assert.equal(await same.title(), 'still here')
  await same.close()
})

test('20 MB go up and down in one message', async () => {
  const client = await gateway.client()
  const { sessionId, targetId } = await client.openPage()
  const text = 'x'.repeat(TWENTY_MEGABYTES)
  const up = await client.evaluate(`${JSON.stringify(text)}.length`, sessionId)
  assert.equal(up, TWENTY_MEGABYTES)
  const down = await client.evaluate<string>(`'y'.repeat(${TWENTY_MEGABYTES})`, sessionId)
  assert.equal(down.length, TWENTY_MEGABYTES)
  await client.send('Target.closeTarget', { targetId })
})

test('a download lies with the session', async () => {
  const directory = join(gateway.directory, 'downloads')
  const client = await gateway.client()
  const { sessionId } = await client.openPage()
  const behavior = { behavior: 'allow', downloadPath: '/etc', eventsEnabled: true }
  await client.send('Browser.setDownloadBehavior', behavior)
  const done = client.message('"state":"completed"')
  const script = `const a = document.createElement('a'); a.download = 'bill.txt'
    a.href = 'data:text/plain,hello'; document.body.append(a); a.click()`
  await client.evaluate(script, sessionId)
  await done
  assert.deepEqual(await readdir(directory), ['bill.txt'])
})

test('the browser stays when a client would end it, and its connections are counted', async () => {
  const client = await connectPuppeteer()
  await client.close()
  assert.equal(gateway.closesAsked, 1)
  const other = await gateway.client()
  assert.match(JSON.stringify(await other.send('Browser.getVersion')), /Chrome/)
  const { stats } = gateway.connections.at(-1)!
  assert.equal(stats.messages, 1)
  assert.ok(stats.bytesUp > 40 && stats.bytesDown > 100)
  assert.ok(gateway.activities > 0)
})
