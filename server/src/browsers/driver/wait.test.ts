import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesUrl } from './glob.ts'
import { customerOf, driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)
const customer = await customerOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const later = (script: string, ms = 200) =>
  `<script>setTimeout(() => { ${script} }, ${ms})</script>`
const read = async (script: string) => (await driver.execute({ script })).result

test('a wait is over when an element is there, shown, hidden or gone', async () => {
  await open(
    `<body><p id=a hidden>A</p><p id=b>B</p><p id=c>C</p>${later(`
    a.hidden = false; b.hidden = true; c.remove(); document.body.append(document.createElement('i'))`)}`,
  )
  const { title, url } = await driver.state()
  const shown = await driver.wait({ selector: '#a' })
  assert.deepEqual([shown.title, shown.url], [title, url])
  assert.ok(shown.waitedMs >= 0)
  await driver.wait({ selector: '#b', state: 'hidden' })
  await driver.wait({ selector: '#b', state: 'attached' })
  await driver.wait({ selector: '#c', state: 'detached' })
  await driver.wait({ selector: 'i', state: 'attached' })
})

test('a wait for text is over when somebody could read it', async () => {
  await open(
    `<body><p hidden>Order placed</p>${later(`
    document.body.insertAdjacentHTML('beforeend', '<b>Your <i>ORDER</i> placed</b>')`)}`,
  )
  await driver.wait({ text: 'order placed' })
  assert.equal(await read('document.querySelector("b") !== null'), true)
})

test('a wait for a URL sees navigations and changes by scripts', async () => {
  const there = site.page('<title>There</title>')
  await open(later(`location.href = '${there}'`))
  assert.equal((await driver.wait({ url: there })).url, there)
  await driver.wait({ url: 'http://127.0.0.1:*/*' })
  await read('setTimeout(() => history.pushState(0, 0, "/a/b?page=2"), 200)')
  assert.match((await driver.wait({ url: '**/a/*?page=2' })).url, /\/a\/b\?page=2$/)
})

test('a pattern matches whole URLs, and in little time whatever it is', () => {
  const url = 'https://shop.test/a/b/c?x=1'
  const fits = [
    'https://shop.test/a/b/c?x=1',
    'https://*/a/*/c?x=*',
    '**',
    '**/c?x=1',
    'https://**',
  ]
  for (const pattern of fits) assert.ok(matchesUrl(pattern, url), pattern)
  const fails = ['https://shop.test/a', 'https://*/c?x=1', '*', '**/d', '', 'https://shop.test/*']
  for (const pattern of fails) assert.ok(!matchesUrl(pattern, url), pattern)
  assert.ok(matchesUrl('http://x/*', 'http://x/'))
  const started = performance.now()
  assert.ok(!matchesUrl('**a'.repeat(300), `${'a'.repeat(8_000)}!`))
  assert.ok(performance.now() - started < 10_000)
})

test('a wait for a quiet network sees requests that began before it', async () => {
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const when = () => (asked.resolve(), held)
  const slow = site.page('late', { when })
  await open('<title>Busy</title>')
  await driver.wait({ networkIdle: true })
  await read(`fetch('${slow}').then(() => { arrived = true }); return 1`)
  await asked.promise
  // Whatever Playwright has to hear of the request, it has heard by now.
  await driver.click({ x: 1, y: 1 })
  const waiting = driver.wait({ networkIdle: true })
  await assert.rejects(driver.wait({ timeMs: 1, timeoutMs: 4_000 }), /earlier commands/)
  resolve()
  await waiting
  assert.equal(await read('arrived'), true)
})

test('a wait for a function looks again until it is true, on whatever page', async () => {
  const there = site.page('<script>ready = { node: document }</script>')
  await open(later(`location.href = '${there}'`, 300))
  await driver.wait({ function: 'globalThis.ready?.node' })
  assert.equal((await driver.state()).url, there)
  await driver.wait({ function: 'async () => 1 + 1' })
  await driver.wait({ function: 'return document.readyState === "complete"' })
  const thrown = await refusal(driver.wait({ function: 'nothing.here' }), 'browser.script_failed')
  assert.equal(thrown.facts.errors?.[0]?.path, 'body.function')
  await refusal(driver.wait({ function: 'a b c' }), 'browser.script_failed')
})

test('a wait for a time takes that time, whatever the usual deadline', async () => {
  await open('')
  assert.ok((await driver.wait({ timeMs: 300 })).waitedMs >= 295)
  await refusal(driver.wait({ timeMs: 5_000, timeoutMs: 200 }), 'browser.timeout')
})

test('a wait that is not over in time says what it waited for', async () => {
  await open('<p id=a hidden>A</p><p id=b>B</p>')
  const waits = [
    [{ selector: '#a' }, '#a to be visible'],
    [{ selector: '#absent' }, '#absent to be visible'],
    [{ selector: '#b', state: 'detached' }, '#b to be detached'],
    [{ text: 'Never' }, 'the text Never'],
    [{ url: 'https://elsewhere.test/**' }, 'the URL https://elsewhere.test/'],
    [{ function: 'false' }, 'the function to become truthy'],
    [{ function: 'for (;;);' }, 'the function to become truthy'],
  ] as const
  for (const [what, awaited] of waits) {
    await givenTime(400, async (timeoutMs) => {
      const { message } = await refusal(driver.wait({ ...what, timeoutMs }), 'browser.timeout')
      assert.ok(message.includes(`Waited ${timeoutMs} ms for ${awaited}`), message)
    })
  }
  assert.equal(await read('1'), 1)
  await refusal(driver.wait({ selector: '#[' }), 'browser.selector_invalid')
})

test('a wait ends at a dialog, at the end of the page, and with the caller’s signal', async () => {
  const { url } = await open('')
  const { sessionId } = await customer.attach(url)
  const waiting = refusal(driver.wait({ selector: '#absent' }), 'browser.dialog_open')
  void customer.send('Runtime.evaluate', { expression: 'alert("Stop")' }, sessionId)
  await waiting
  await driver.dialog({ action: 'accept' })
  await open('')
  const reason = new Error('the client went away')
  const controller = new AbortController()
  const gone = driver.wait({ selector: '#absent' }, controller.signal)
  controller.abort(reason)
  await assert.rejects(gone, reason)
  const { tabId } = await driver.tabs({ action: 'open' })
  await read('setTimeout(close, 300)')
  await refusal(driver.wait({ url: 'http://never.test/' }), 'browser.page_closed')
  assert.ok(!(await driver.state()).tabs.some(({ id }) => id === tabId))
})
