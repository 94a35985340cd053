import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptMib } from '#kernel/test-support.ts'
import { CdpSocket } from '../driver/cdp.ts'
import { startBrowser } from '../driver/test-browser.ts'
import { Customer, Tap, TestLive, type TestViewer } from './fixture.ts'

const LIMIT = { timeout: 180_000 }
/** Of the live view. Who answers is not to be cut when this process is held up for a moment. */
const PATIENCE_MS = 5_000
const browser = await startBrowser()
const customer = await Customer.of(browser.endpoint)
/** Pictures of noise, which are large. */
const NOISE = `<body style="margin:0"><canvas id=noise width=1000 height=700></canvas><script>
  const context = noise.getContext('2d'), picture = context.createImageData(1000, 700)
  ;(function step() {
    const words = new Uint32Array(picture.data.buffer)
    for (let at = 0; at < words.length; at++) words[at] = 0xff000000 | (Math.random() * 0xffffff)
    context.putImageData(picture, 0, 0)
    requestAnimationFrame(step)
  })()</script>`

/** One picture of noise with something that moves before it. */
const MOVING_NOISE = NOISE.replace('requestAnimationFrame(step)', '').replace(
  '</script>',
  `;(function move(at) {
    noise.style.transform = 'translateX(' + (at % 50) + 'px)'
    requestAnimationFrame(() => move(at + 1))
  })(0)</script>`,
)

test(
  'who comes to a page that a dialog of a program holds is told that it does not answer, and sees it go on',
  LIMIT,
  async () => {
    const { targetId } = await customer.openPage('held', '<body>')
    const signal = AbortSignal.timeout(LIMIT.timeout)
    using program = await CdpSocket.open(browser.endpoint, signal)
    const opened = Promise.withResolvers<void>()
    program.onEvent = (method) => {
      if (method === 'Page.javascriptDialogOpening') opened.resolve()
    }
    const attach = { targetId, flatten: true }
    const { sessionId } = await program.send<{ sessionId: string }>(
      'Target.attachToTarget',
      attach,
      { signal },
    )
    const send = (method: string, params = {}) =>
      program.send(method, params, { sessionId, signal })
    await send('Page.enable')
    const going = send('Runtime.evaluate', {
      expression: `confirm('Go on?') && (document.title = 'went on')`,
    })
    await opened.promise
    await using live = await TestLive.start(browser.endpoint)
    const first = await live.watch()
    await first.notice('page.held')
    const second = await live.watch()
    await second.notice('page.held')
    await send('Page.handleJavaScriptDialog', { accept: true })
    await going
    await first.sees('went on')
    await second.sees('went on')
  },
)

/** While so many frames come, of 0.4 MiB each: what is on its way at the moment of a look is some MiB more or less. */
async function mostKept(viewer: TestViewer, frames: number): Promise<number> {
  const enough = viewer.frames + frames
  let [most, nextLook] = [0, viewer.frames]
  await viewer.until('many frames', () => {
    if (viewer.frames < nextLook) return false
    most = Math.max(most, keptMib())
    nextLook = viewer.frames + 5
    return viewer.frames >= enough
  })
  return most
}

test('a viewer that never reads holds up nobody, takes no memory, and is cut', LIMIT, async () => {
  const page = await customer.openPage('noise', MOVING_NOISE)
  await using live = await TestLive.start(browser.endpoint, { patienceMs: PATIENCE_MS })
  const [deaf, keen] = [await live.watch(), await live.watch()]
  await deaf.sees('noise')
  await keen.sees('noise')
  const usual = await mostKept(keen, 40)
  deaf.acknowledges = false
  deaf.socket.pause()
  // The deaf one may be cut before all of them have come.
  const grownMib = (await mostKept(keen, 100)) - usual
  assert.ok(grownMib < 12, `${grownMib} MiB more for ${keen.last!.jpeg.length} bytes a frame`)
  await keen.until('the deaf one is cut', () => live.view.viewers === 1)
  deaf.socket.resume()
  await deaf.until('it knows why', () => deaf.closed !== undefined)
  assert.ok([4008, 4009, 1006].includes(deaf.closed!.code), String(deaf.closed!.code))
  const later = keen.frames
  await keen.until('the other goes on', () => keen.frames > later + 10)
  await page.close()
})

test(
  'a viewer that acknowledges nothing is cut, one whose page stands still is not',
  LIMIT,
  async () => {
    const page = await customer.openPage('stuck', NOISE)
    await using live = await TestLive.start(browser.endpoint, { patienceMs: PATIENCE_MS })
    const stuck = await live.watch({}, { acknowledges: false })
    await stuck.until('it is cut', () => stuck.closed !== undefined)
    assert.deepEqual(stuck.closed, { code: 4008, reason: 'no frame was acknowledged for too long' })
    const still = await customer.openPage('still', '<h1>still</h1>')
    const calm = await live.watch()
    await calm.sees('still')
    const other = await live.watch({}, { acknowledges: false })
    await other.until('another is cut meanwhile', () => other.closed !== undefined)
    assert.equal(calm.closed, undefined)
    await Promise.all([page.close(), still.close()])
  },
)

test('too many messages, or one that is too long, end the socket', LIMIT, async () => {
  await using live = await TestLive.start(browser.endpoint)
  const [flood, long] = [await live.watch(), await live.watch()]
  for (let n = 0; n < 20_000; n++) flood.send({ type: 'pause', paused: false })
  long.send({ type: 'paste', text: 'x'.repeat(600_000) })
  await flood.until('both are closed', () => Boolean(flood.closed && long.closed))
  assert.deepEqual([flood.closed!.code, long.closed!.code], [1008, 1009])
})

test('pictures get coarser while even the fastest viewer is slow', LIMIT, async () => {
  const page = await customer.openPage('coarse', MOVING_NOISE)
  const tap = await Tap.on(browser.endpoint)
  await using live = await TestLive.start(tap.endpoint)
  const viewer = await live.watch()
  await viewer.sees('coarse')
  await viewer.until('the noise is painted', () => viewer.last!.jpeg.length > 100_000)
  viewer.acknowledges = false
  const { length } = viewer.last!.jpeg
  const pace = setInterval(() => viewer.acknowledge(), 3_000).unref()
  await viewer.until('a smaller one', () => viewer.last!.jpeg.length < length * 0.9)
  clearInterval(pace)
  assert.ok(tap.count('Page.startScreencast') >= 2)
  await page.close()
})

test('when the browser dies its viewers are told, and so is who comes later', LIMIT, async () => {
  await using live = await TestLive.start(browser.endpoint)
  const viewers = [await live.watch(), await live.watch()]
  browser.kill()
  for (const viewer of viewers) {
    await viewer.until('it is closed', () => viewer.closed !== undefined)
    assert.deepEqual(viewer.closed, { code: 4001, reason: 'the browser is gone' })
  }
  const late = await live.knock()
  await late.until('it is closed too', () => late.closed !== undefined)
  assert.equal(late.closed!.code, 4001)
  await late.until('nobody is left', () => live.view.viewers === 0)
})
