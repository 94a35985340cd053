import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const MAGIC = { png: '89504e47', jpeg: 'ffd8ff', webp: '52494646' }
const FORMATS = ['png', 'jpeg', 'webp'] as const

/** What Chromium itself finds in the bytes. */
async function decode(bytes: Buffer, type: string) {
  const script = `async (data) => {
    const image = new Image()
    image.src = data
    await image.decode()
    return { width: image.naturalWidth, height: image.naturalHeight }
  }`
  const data = `data:${type};base64,${bytes.toString('base64')}`
  return (await driver.execute({ script, args: [data] })).result
}

test('a screenshot shows the viewport, in each format', async () => {
  await open('<body style="background: linear-gradient(red, blue)">')
  const { viewport } = await driver.state()
  for (const format of FORMATS) {
    const shot = await driver.screenshot({ format })
    assert.equal(shot.contentType, `image/${format}`)
    assert.ok(shot.bytes.toString('hex', 0, 4).startsWith(MAGIC[format]))
    assert.deepEqual({ width: shot.width, height: shot.height }, viewport)
    assert.deepEqual(await decode(shot.bytes, shot.contentType), viewport)
    assert.equal(shot.cut, false)
  }
  assert.equal((await driver.screenshot({})).contentType, 'image/png')
})

test('a lower quality makes a smaller image', async () => {
  await open('<body style="background: repeating-conic-gradient(red, blue 7deg)">')
  for (const format of ['jpeg', 'webp'] as const) {
    const rough = await driver.screenshot({ format, quality: 5 })
    const fine = await driver.screenshot({ format, quality: 95 })
    assert.ok(rough.bytes.length < fine.bytes.length / 2)
  }
})

test('a full page goes down to its end, and leaves the page as it was', async () => {
  await open(
    '<body style="margin: 0; height: 5000px"><script>sizes = 0; onresize = () => sizes++</script>',
  )
  await driver.scroll({ y: 700 })
  const before = await driver.state()
  const shot = await driver.screenshot({ fullPage: true })
  assert.equal(shot.height, 5000)
  assert.equal(shot.width, before.viewport.width)
  assert.deepEqual(await driver.state(), before)
})

test('a page that is longer than an image may be is cut, and the answer says so', async () => {
  await open('<body style="margin: 0; height: 40000px">')
  for (const format of ['png', 'webp'] as const) {
    const shot = await driver.screenshot({ format, fullPage: true })
    assert.equal(shot.height, format === 'webp' ? 16_383 : 16_384)
    assert.equal(shot.cut, true)
  }
})

test('an element is shown whole, wherever it is on the page', async () => {
  await open(`<body style="margin: 0; height: 9000px">
    <p id=far style="position: absolute; top: 4000px; left: 10px; width: 120px; height: 45px; background: red"></p>
    <p id=tall style="position: absolute; top: 100px; left: 0; width: 50px; height: 3000px; background: red"></p>`)
  const far = await driver.screenshot({ selector: '#far' })
  assert.deepEqual([far.width, far.height], [120, 45])
  const tall = await driver.screenshot({ selector: '#tall', format: 'webp' })
  assert.deepEqual([tall.width, tall.height], [50, 3000])
  const script = `async (data) => {
    const canvas = new OffscreenCanvas(120, 45).getContext('2d')
    canvas.drawImage(await createImageBitmap(await (await fetch(data)).blob()), 0, 0)
    const { data: pixels } = canvas.getImageData(0, 0, 120, 45)
    return pixels.every((value, place) => value === [255, 0, 0, 255][place % 4])
  }`
  const data = `data:image/png;base64,${far.bytes.toString('base64')}`
  assert.equal((await driver.execute({ script, args: [data] })).result, true)
})

test('an element that cannot be shown says why', async () => {
  await open('<p id=hidden hidden>H</p><p id=empty></p>')
  const refused = (selector: string, code: string, says = /./) =>
    givenTime(800, async (timeoutMs) => {
      const problem = await refusal(driver.screenshot({ selector, timeoutMs }), code)
      assert.match(problem.message, says)
    })
  await refused('#hidden', 'browser.not_actionable', /it is not visible/)
  await refused('#empty', 'browser.not_actionable')
  await refused('#absent', 'browser.selector_not_found')
  await refused('#[', 'browser.selector_invalid')
})
