import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { imageSize } from '../driver/image-size.ts'
import { startBrowser } from '../driver/test-browser.ts'
import { bob, Customer, type CustomerPage, Tap, TestLive } from './fixture.ts'
import type { LivePage } from './protocol.ts'

const LIMIT = { timeout: 180_000 }
const browser = await startBrowser()
const customer = await Customer.of(browser.endpoint)
const openPage = (title: string, body: string) => customer.openPage(title, body)

const MOVING = `<body style="margin:0"><div id=box style="width:300px;height:300px;background:red"></div>
  <script>let n = 0; (function step() { box.style.transform = 'translateX(' + (n++ % 500) + 'px)'; requestAnimationFrame(step) })()</script>`

test(
  'the first picture of a page that stands still is a JPEG of the size of its viewport',
  LIMIT,
  async () => {
    const page = await openPage('still', '<h1>still</h1>')
    await using live = await TestLive.start(browser.endpoint)
    const viewer = await live.watch()
    await viewer.sees('still')
    const { jpeg, width, height, scale, viewport } = viewer.last!
    assert.deepEqual(imageSize(jpeg), { width, height })
    assert.deepEqual([jpeg[0], jpeg[1], jpeg.at(-2), jpeg.at(-1)], [0xff, 0xd8, 0xff, 0xd9])
    assert.equal(scale, 1)
    assert.deepEqual(viewport, { width, height })
    assert.equal(width, 1000)
    await page.close()
  },
)

test('four viewers share one capture, and it ends with the last of them', LIMIT, async () => {
  const page = await openPage('shared', MOVING)
  const tap = await Tap.on(browser.endpoint)
  await using live = await TestLive.start(tap.endpoint)
  const viewers = await Promise.all([1, 2, 3, 4].map(() => live.watch()))
  for (const viewer of viewers) await viewer.until('thirty frames', () => viewer.frames >= 30)
  // A capture may have begun anew meanwhile, in the place of the one before.
  const running = () => tap.count('Page.startScreencast') - tap.count('Page.stopScreencast')
  await viewers[0]!.until('one is running', () => running() === 1)
  assert.equal(live.view.viewers, 4)
  for (const { socket } of viewers) socket.close()
  await viewers[0]!.until('nobody is left', () => live.view.viewers === 0 && tap.open === 0)
  assert.equal(running(), 0)
  await page.close()
})

test(
  'a viewer that acknowledges nothing gets two frames while the others go on, and the newest later',
  LIMIT,
  async () => {
    const page = await openPage('uneven', MOVING)
    await using live = await TestLive.start(browser.endpoint)
    const slow = await live.watch({ holder: bob }, { acknowledges: false })
    const fast = await live.watch()
    await fast.until('forty frames', () => fast.frames >= 40)
    assert.equal(slow.frames, 2)
    const { sequence } = slow.last!
    slow.acknowledge()
    await slow.until('another frame', () => slow.frames > 2)
    assert.ok(slow.last!.sequence > sequence + 20, `${slow.last!.sequence} after ${sequence}`)
    await page.close()
  },
)

test('a slow viewer ends up with the last picture of a page that came to rest', LIMIT, async () => {
  const page = await openPage('resting', MOVING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.watch({}, { acknowledges: false })
  await viewer.until('two frames', () => viewer.frames >= 2)
  // More pictures than Chromium sends without an answer: it drops the last ones, and would never send them again by itself.
  await page.evaluate('box.remove()')
  const painted = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'
  for (const colour of ['red', 'lime', 'red', 'lime', 'red', 'lime', 'rgb(0, 0, 255)'])
    await page.evaluate(`document.body.style.background = '${colour}', ${painted}`)
  viewer.acknowledges = true
  viewer.acknowledge()
  const blue = 'the page is blue'
  await viewer.until(blue, async () => isBlue(page, viewer.last!.jpeg))
  await page.close()
})

test('a viewer may have fewer frames, or none for a while', LIMIT, async () => {
  const page = await openPage('asked', MOVING)
  await using live = await TestLive.start(browser.endpoint)
  const [calm, keen] = [await live.watch({ holder: bob }), await live.watch()]
  calm.send({ type: 'quality', maxFps: 2 })
  // What is answered was read after that.
  calm.send({ type: 'nonsense' })
  await calm.notice('message.invalid')
  const [before, startedMs] = [calm.frames, performance.now()]
  await keen.until('sixty frames', () => keen.frames >= 60)
  const seconds = (performance.now() - startedMs) / 1_000
  const most = Math.ceil(seconds * 2) + 2
  assert.ok(calm.frames - before <= most, `${calm.frames - before} frames in ${seconds} s`)
  for (const viewer of [keen, calm]) {
    viewer.send({ type: 'pause', paused: true })
    viewer.send({ type: 'select', page: 1_000_000 })
    await viewer.notice('page.none')
  }
  const [paused, quiet] = [keen.frames, calm.frames]
  keen.send({ type: 'pause', paused: false })
  await keen.until('frames again', () => keen.frames > paused + 10)
  assert.equal(calm.frames, quiet)
  await page.close()
})

test('a viewer follows the page in front, or the one that it chose', LIMIT, async () => {
  const first = await openPage('first', MOVING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.watch()
  await viewer.sees('first')
  const firstNumber = viewer.last!.page
  const second = await openPage('second', MOVING)
  await viewer.sees('second')
  await first.evaluate(`document.title = 'renamed'`)
  await viewer.next('pages', ({ pages }) => pages.some(({ title }) => title === 'renamed'))
  viewer.send({ type: 'select', page: firstNumber })
  await viewer.sees('renamed')
  await second.close()
  await viewer.next('pages', ({ pages }) => !pages.some(({ title }) => title === 'second'))
  await first.close()
  await viewer.next('pages', ({ watching }) => watching !== firstNumber)
  viewer.send({ type: 'select', page: firstNumber })
  await viewer.notice('page.none')
})

test('who selects a page brings it to the front, whichever window it is in', LIMIT, async () => {
  const lower = await openPage('lower', MOVING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.watch()
  await viewer.sees('lower')
  const { page } = viewer.last!
  const url = customer.urlOf('upper', MOVING)
  await lower.evaluate(`void window.open('${url}', '', 'popup,width=400,height=300')`)
  await viewer.sees('upper')
  viewer.send({ type: 'select', page })
  await viewer.until('it is in front', () => {
    const list = viewer.messages.findLast((message) => message.type === 'pages')
    const front = list?.pages.find(({ active }) => active)
    return front?.title === 'lower' && list?.watching === page
  })
  const seen = viewer.frames
  await viewer.until('it moves', () => viewer.frames > seen + 10)
  await Promise.all([lower.close(), customer.closePage(url)])
})

test('who may not drive chooses a page without bringing it to the front', LIMIT, async () => {
  const behind = await openPage('behind', MOVING)
  const tap = await Tap.on(browser.endpoint)
  await using live = await TestLive.start(tap.endpoint)
  const viewer = await live.watch({ mayControl: false })
  await viewer.sees('behind')
  const page = viewer.last!.page
  const front = await openPage('front', MOVING)
  await viewer.sees('front')
  viewer.send({ type: 'select', page })
  await viewer.notice('page.behind')
  assert.equal(tap.count('Target.activateTarget'), 0)
  await Promise.all([behind.close(), front.close()])
})

test(
  'a page that crashes is told of, and is shown again when it is opened anew',
  LIMIT,
  async () => {
    const page = await openPage('fragile', MOVING)
    await using live = await TestLive.start(browser.endpoint)
    const viewer = await live.watch()
    await viewer.sees('fragile')
    void customer.send('Page.crash', {}, page.sessionId).catch(() => {})
    await viewer.notice('page.crashed')
    await viewer.next('pages', ({ pages }) => pages.some(({ crashed }) => crashed))
    await page.navigate('mended', MOVING)
    await viewer.sees('mended')
    const seen = viewer.frames
    await viewer.until('it moves', () => viewer.frames > seen + 10)
    await page.close()
  },
)

test('of more pages than are listed, the one in front is', LIMIT, async () => {
  const opener = await openPage('opener', '')
  await using live = await TestLive.start(browser.endpoint, { maxPages: 4 })
  const viewer = await live.watch()
  await viewer.sees('opener')
  const opened = await Promise.all(['a', 'b', 'c', 'd'].map((title) => openPage(title, '')))
  await viewer.notice('pages.too_many')
  const last = await openPage('newest', MOVING)
  await viewer.sees('newest')
  const list = viewer.messages.findLast((message) => message.type === 'pages')!
  assert.equal(list.pages.length, 4)
  await Promise.all([...opened, opener].map((page) => page.close()))
  // There is room again for the one that Chromium began with.
  await viewer.next('pages', ({ pages }) => areShown(pages, 'about:blank', 'newest'))
  await last.close()
})

test('a page that is closed while the pages are looked at is listed no more', LIMIT, async () => {
  const behind = await openPage('behind', '')
  const tap = await Tap.on(browser.endpoint)
  await using live = await TestLive.start(tap.endpoint, { maxPages: 2 })
  const viewer = await live.watch()
  await viewer.sees('behind')
  const listed = await openPage('listed', '')
  await viewer.sees('listed')
  const front = await openPage('front', '')
  await viewer.sees('front')
  const { promise, resolve } = Promise.withResolvers<void>()
  tap.held = promise
  await viewer.until('the pages are looked at', () => tap.waiting > 0)
  await Promise.all([behind.close(), listed.close()])
  await viewer.until('both are gone', () => tap.count('Target.targetDestroyed', tap.events) === 2)
  resolve()
  await viewer.next('pages', ({ pages }) => areShown(pages, 'about:blank', 'front'))
  await front.close()
})

test('nobody is let in beyond the limit, or after the end', LIMIT, async () => {
  await using live = await TestLive.start(browser.endpoint, { maxViewers: 1 })
  const viewer = await live.watch()
  await assert.rejects(live.watch())
  await live.view[Symbol.asyncDispose]()
  await viewer.until('it is closed', () => viewer.closed !== undefined)
  assert.deepEqual(viewer.closed, { code: 4002, reason: 'the session has ended' })
  assert.equal(live.view.viewers, 0)
})

/** These are all that are listed. */
function areShown(pages: readonly LivePage[], ...titles: string[]): boolean {
  return isDeepStrictEqual(pages.map(({ title }) => title).toSorted(), titles)
}

/** The picture, as Chromium itself decodes it, is blue in the middle. */
async function isBlue(page: CustomerPage, jpeg: Buffer): Promise<boolean> {
  const colour = await page.evaluate<string>(`(async () => {
    const picture = await createImageBitmap(await (await fetch('data:image/jpeg;base64,${jpeg.toString('base64')}')).blob())
    const canvas = new OffscreenCanvas(1, 1).getContext('2d')
    canvas.drawImage(picture, 200, 200, 1, 1, 0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data].join()
  })()`)
  const [red, green, blue] = colour.split(',').map(Number)
  return red! < 40 && green! < 40 && blue! > 200
}
