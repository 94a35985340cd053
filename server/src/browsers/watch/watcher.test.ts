import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { chromium } from 'playwright-core'
import { systemClock } from '#kernel/clock.ts'
import { Cable } from '#test/cable.ts'
import { eventually } from '#kernel/test-support.ts'
import { TestSite, customerOf, startBrowser } from '../driver/test-browser.ts'
import type { Exchange } from './exchange.ts'
import { type FeedEvent, SessionFeed } from './feed.ts'
import { PageWatcher } from './watcher.ts'

const log = pino({ level: 'silent' })
const browser = await startBrowser('--disable-popup-blocking', '--site-per-process')
const site = await TestSite.start()
const customer = await customerOf(browser)
const DEADLINE_MS = 60_000

/** A watcher of the browser, and what its session's feed tells. */
function watching(t: TestContext, endpoint = browser.endpoint) {
  const feed = new SessionFeed({ clock: systemClock, log })
  const events: FeedEvent[] = []
  feed.subscribe({}, (event) => void events.push(event))
  const watcher = new PageWatcher({ endpoint, feed, log, clock: systemClock })
  t.after(() => watcher[Symbol.dispose]())
  const of = (kind: string, type?: string) =>
    events.filter((event) => event.kind === kind && (!type || event.data.type === type))
  return { feed, watcher, events, of }
}

async function openPage(t: TestContext, url: string) {
  const { targetId } = await customer.send<{ targetId: string }>('Target.createTarget', { url })
  t.after(() => customer.send('Target.closeTarget', { targetId }).catch(() => {}))
  const options = { targetId, flatten: true }
  const { sessionId } = await customer.send<{ sessionId: string }>('Target.attachToTarget', options)
  const run = (expression: string) =>
    customer.send<{ result: { value: unknown } }>(
      'Runtime.evaluate',
      { expression, userGesture: true, returnByValue: true, awaitPromise: true },
      sessionId,
    )
  await eventually(
    'the page has loaded',
    async () => {
      const { result } = await run('location.protocol + document.readyState')
      return result.value === 'http:complete'
    },
    DEADLINE_MS,
  )
  return { targetId, sessionId, run }
}

/** A page whose console is heard from now on. */
async function openWatchedPage(t: TestContext, of: (kind: string) => FeedEvent[]) {
  const page = await openPage(t, site.page('<title>Watched</title>'))
  const isHeard = async () => {
    await page.run('console.log("ready"); 0')
    return of('console').some(({ data }) => data.text === 'ready' && data.pageId === page.targetId)
  }
  await eventually('the page is watched', isHeard, DEADLINE_MS)
  return page
}

/** Whether anybody is attached to a page. */
async function attachedTo(targetId: string): Promise<boolean> {
  const probe = await customerOf(browser)
  const { targetInfos } = await probe.send<{
    targetInfos: { targetId: string; attached: boolean }[]
  }>('Target.getTargets')
  return targetInfos.find((target) => target.targetId === targetId)!.attached
}

test('what a page logs, throws and is told by the browser comes with its level and place', async (t) => {
  const { watcher, of } = watching(t)
  using _ = watcher.acquire({ network: false })
  const page = await openWatchedPage(t, of)
  await page.run(`
    console.warn('careful', 7, { a: 1, b: 'x' }, [1, 2], undefined, 10n)
    setTimeout(() => { throw new TypeError('broken') })
    fetch('/no-such-page-at-all').then(() => {})
    0
  `)
  const warning = () => of('console', 'console').find(({ data }) => data.level === 'warning')
  await eventually('the warning', () => warning() !== undefined, DEADLINE_MS)
  const { level, text, pageId, line } = warning()!.data
  assert.deepEqual(
    { level, text, pageId, line },
    {
      level: 'warning',
      text: 'careful 7 {a: 1, b: "x"} [1, 2] undefined 10n',
      pageId: page.targetId,
      line: 2,
    },
  )
  await eventually('the exception', () => of('console', 'exception').length > 0, DEADLINE_MS)
  assert.match(String(of('console', 'exception')[0]!.data.text), /^TypeError: broken/)
  await eventually('the failed request', () => of('console', 'browser').length > 0, DEADLINE_MS)
  assert.match(String(of('console', 'browser')[0]!.data.text), /404/)
  assert.deepEqual(of('network'), [])
})

test('who was here before a time when nobody listened is told of it, in its place', async (t) => {
  const { feed, watcher, events, of } = watching(t)
  const first = watcher.acquire({ network: false })
  await openWatchedPage(t, of)
  const lastId = events.at(-1)!.id
  assert.deepEqual(of('gap'), [])
  first[Symbol.dispose]()
  const listen = async (network: boolean) => {
    using lease = watcher.acquire({ network })
    await lease.ready
    return of('gap').length
  }
  await eventually('the pause is told', async () => (await listen(false)) === 1, DEADLINE_MS)
  const [gap] = events.filter(({ id }) => id > lastId)
  assert.deepEqual([gap!.kind, gap!.data], ['gap', { missing: null }])

  using _ = watcher.acquire({ network: false })
  const before = await listen(false)
  const ofConsole: FeedEvent[] = []
  feed.subscribe({ kinds: new Set(['console']) }, (event) => void ofConsole.push(event))
  assert.equal(await listen(true), before, 'what pages load is listened to for the first time')
  assert.equal(await listen(false), before)
  assert.equal(await listen(true), before + 1, 'and again')
  assert.deepEqual(ofConsole, [], 'of what pages say nothing was missed')
})

test('a broken connection to the browser is told once, when it is back, also to who has come meanwhile', async (t) => {
  const open = Number(new URL(browser.endpoint).port)
  let port = open
  const cable = await Cable.to(() => port)
  t.after(() => cable[Symbol.asyncDispose]())
  const { watcher, of } = watching(t, browser.endpoint.replace(`:${open}/`, `:${cable.port}/`))
  using _ = watcher.acquire({ network: false })
  const page = await openWatchedPage(t, of)
  /** Nobody is there for as long as it takes to try twice. */
  const breakOff = async () => {
    const tried = cable.accepted + 2
    port = 1
    cable.cut()
    await eventually('it was tried again', () => cable.accepted >= tried, DEADLINE_MS)
  }
  const comeBack = async (gaps: number) => {
    port = open
    await eventually('the break is told', () => of('gap').length === gaps, DEADLINE_MS)
    const text = `back ${gaps}`
    const isHeard = async () => {
      await page.run(`console.log(${JSON.stringify(text)}); 0`)
      return of('console').some(({ data }) => data.text === text)
    }
    await eventually('the page is heard again', isHeard, DEADLINE_MS)
    assert.equal(of('gap').length, gaps)
  }
  await breakOff()
  assert.deepEqual(of('gap'), [], 'the browser may have ended')
  await comeBack(1)

  await breakOff()
  using late = watcher.acquire({ network: false })
  await late.ready
  await comeBack(2)
})

test('popups, frames of other sites and workers are heard too', async (t) => {
  const { watcher, of } = watching(t)
  using _ = watcher.acquire({ network: false })
  const frame = site.page('<script>console.log("from the frame")</script>')
  const popup = site.page('<script>console.log("from the popup")</script>')
  const foreign = frame.replace('127.0.0.1', 'localhost')
  const page = await openPage(t, site.page(`<iframe src="${foreign}"></iframe>`))
  await page.run(`
    open('${popup}')
    new Worker(URL.createObjectURL(new Blob(['console.log("from the worker")'])))
    0
  `)
  for (const source of ['frame', 'popup', 'worker']) {
    const heard = () =>
      of('console', 'console').find(({ data }) => data.text === `from the ${source}`)
    await eventually(`the ${source} is heard`, () => heard() !== undefined, DEADLINE_MS)
    if (source !== 'popup') assert.equal(heard()!.data.pageId, page.targetId)
  }
})

test('it is attached only while somebody holds a lease, and tells nothing of before', async (t) => {
  const { watcher, of } = watching(t)
  const { targetInfos } = await customer.send<{
    targetInfos: { targetId: string; url: string }[]
  }>('Target.getTargets')
  // The one that the browser began with: others are just being closed.
  const { targetId } = targetInfos.find(({ url }) => url === 'about:blank')!
  await eventually(
    'the tests before have let go',
    async () => !(await attachedTo(targetId)),
    DEADLINE_MS,
  )
  const page = await openPage(t, site.page('<title>Before</title>'))
  await page.run('console.log("before"); 0')
  // What is said in the very millisecond in which the watching begins may be told.
  const saidMs = Date.now()
  await eventually('a later millisecond', () => Date.now() > saidMs + 1)
  const first = watcher.acquire({ network: false })
  const second = watcher.acquire({ network: false })
  await second.ready
  await eventually('it is attached', () => attachedTo(targetId), DEADLINE_MS)
  first[Symbol.dispose]()
  await page.run('console.log("during"); 0')
  await eventually('it is heard', () => of('console').length > 0, DEADLINE_MS)
  second[Symbol.dispose]()
  await eventually('it is detached', async () => !(await attachedTo(targetId)), DEADLINE_MS)
  await page.run('console.log("after"); 0')
  assert.deepEqual(
    of('console').map(({ data }) => data.text),
    ['during'],
  )
})

test('requests are told once, when they have ended, only to those who wish', async (t) => {
  const { watcher, of } = watching(t)
  const exchanges: Exchange[] = []
  using _ = watcher.acquire({ network: true, onExchange: (one) => void exchanges.push(one) })
  const target = site.page('<title>Target</title>', { headers: { 'set-cookie': 'a=1' } })
  const redirect = site.page('', { status: 302, headers: { location: target } })
  const page = await openWatchedPage(t, of)
  const load = `new Promise((done) => { const frame = document.createElement('iframe'); frame.onload = () => done(0); frame.src = '${redirect}'; document.body.append(frame) })`
  await page.run(load)
  await page.run(`fetch('http://127.0.0.1:1/').catch(() => {}); 0`)
  const found = (url: string) => exchanges.filter((exchange) => exchange.url === url)
  await eventually('the failure', () => found('http://127.0.0.1:1/').length > 0, DEADLINE_MS)
  await eventually('the page', () => found(target).length > 0, DEADLINE_MS)
  assert.deepEqual([found(redirect).length, found(target).length], [1, 1])
  assert.equal(found(redirect)[0]!.redirectUrl, target)
  assert.equal(found(redirect)[0]!.status, 302)
  const [loaded] = found(target)
  assert.equal(loaded!.status, 200)
  assert.equal(loaded!.bodyBytes, '<title>Target</title>'.length)
  assert.ok(
    loaded!.responseHeaders.some(([name, value]) => /set-cookie/i.test(name) && value === 'a=1'),
  )
  assert.ok(loaded!.requestHeaders.some(([name]) => /user-agent/i.test(name)))
  assert.match(found('http://127.0.0.1:1/')[0]!.error!, /^net::/)
  assert.equal(of('network', 'request.failed').length, 1)
  const ended = of('network', 'request.ended').find(({ data }) => data.url === target)!
  assert.equal(ended.data.status, 200)
})

test('a dialog is told, and left to those who drive', async (t) => {
  const { watcher, of } = watching(t)
  const lease = watcher.acquire({ network: false })
  const page = await openPage(t, site.page('<title>Dialog</title>'))
  await customer.send('Page.enable', {}, page.sessionId)
  await lease.ready
  const answer = page.run('confirm("Sure?")')
  await eventually('it is told', () => of('dialog', 'dialog.opened').length > 0, DEADLINE_MS)
  assert.equal(of('dialog')[0]!.data.message, 'Sure?')
  lease[Symbol.dispose]()
  const early = Symbol('still open')
  const again = watcher.acquire({ network: false })
  await again.ready
  assert.equal(await Promise.race([answer, Promise.resolve(early)]), early)
  await customer.send('Page.handleJavaScriptDialog', { accept: true }, page.sessionId)
  assert.equal((await answer).result.value, true)
})

test('a dialog outlasts those who listened, and the watch ends with it', async (t) => {
  const { watcher, of } = watching(t)
  const lease = watcher.acquire({ network: false })
  const { targetId, sessionId, run } = await openPage(t, site.page('<title>Dialog</title>'))
  await customer.send('Page.enable', {}, sessionId)
  await lease.ready
  const answer = run('confirm("Sure?")')
  await eventually('it is told', () => of('dialog', 'dialog.opened').length > 0, DEADLINE_MS)
  lease[Symbol.dispose]()
  // By then the browser would know that the watcher has left.
  await fetch(`http://${new URL(browser.endpoint).host}/json/version`)
  await customer.send('Page.handleJavaScriptDialog', { accept: true }, sessionId)
  assert.equal((await answer).result.value, true)
  await customer.send('Target.detachFromTarget', { sessionId })
  await eventually('the watch ends', async () => !(await attachedTo(targetId)), DEADLINE_MS)
})

test('a page that logs without end is bounded, and the page goes on', async (t) => {
  const { port, pathname } = new URL(browser.endpoint)
  await using cable = await Cable.to(() => Number(port))
  const { watcher, events, of } = watching(t, `ws://127.0.0.1:${cable.port}${pathname}`)
  using lease = watcher.acquire({ network: false })
  const page = await openPage(t, site.page('<title>Flood</title>'))
  await lease.ready
  const started = performance.now()
  // It comes all at once, however slowly the page writes it here.
  cable.swallow('back')
  await page.run('for (let line = 0; line < 10_000; line++) console.log("x".repeat(200)); 0')
  cable.swallow()
  await eventually('it is told', () => of('console', 'dropped').length > 0, DEADLINE_MS)
  await eventually('it is muted', () => of('console', 'muted').length > 0, DEADLINE_MS)
  const seconds = Math.ceil((performance.now() - started) / 1_000) + 1
  assert.ok(events.length <= seconds * 200 + 20, `${events.length} events in ${seconds} s`)
  const heard = () => of('console', 'console').some(({ data }) => data.text === 'quiet again')
  await eventually(
    'it is heard again',
    async () => {
      await page.run('console.log("quiet again"); 0')
      return heard()
    },
    DEADLINE_MS,
  )
})

test('one huge line is passed over, and the rest is heard', async (t) => {
  const { watcher, of } = watching(t)
  using lease = watcher.acquire({ network: false })
  const page = await openPage(t, site.page('<title>Huge</title>'))
  await lease.ready
  await page.run('console.log("x".repeat(3_000_000)); console.log("after"); 0')
  const heard = () => of('console', 'console').some(({ data }) => data.text === 'after')
  await eventually('the next is heard', heard, DEADLINE_MS)
  assert.equal(of('console', 'too-large').length, 1)
  await page.run('console.log("x".repeat(30_000_000)); 0')
  await eventually(
    'it is heard after the connection was closed and opened again',
    async () => {
      await page.run('console.log("again"); 0')
      return of('console', 'console').some(({ data }) => data.text === 'again')
    },
    DEADLINE_MS,
  )
})

test("a client's init script still runs first in a popup, and its pages work", async (t) => {
  const { watcher } = watching(t)
  using lease = watcher.acquire({ network: true })
  await lease.ready
  const playwright = await chromium.connectOverCDP(browser.endpoint, { noDefaults: true })
  t.after(() => playwright.close())
  const context = playwright.contexts()[0]!
  await context.addInitScript('window.first = true')
  const page = await context.newPage()
  const popup = site.page('<script>window.early = window.first</script>')
  await page.goto(site.page('<title>Opener</title>'))
  const [opened] = await Promise.all([
    context.waitForEvent('page', { timeout: DEADLINE_MS }),
    page.evaluate(`void open('${popup}')`),
  ])
  await opened.waitForLoadState()
  assert.equal(await opened.evaluate('window.early'), true)
  await opened.close()
  await page.close()
})
