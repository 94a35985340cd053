import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const PAGES = '<p style="break-after: page">One<p style="break-after: page">Two<p>Three'

/** Number and size of the pages, in points; Chromium writes the page objects as plain text. */
function pagesOf(bytes: Buffer) {
  // Chromium rounds up.
  const boxes = [...bytes.toString('latin1').matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)]
  return boxes.map(([, width, height]) => [Number(width), Number(height)].map(Math.round))
}

test('a page is printed on the paper that was asked for', async () => {
  await open(PAGES)
  const plain = await driver.pdf({})
  assert.equal(plain.contentType, 'application/pdf')
  assert.equal(plain.bytes.toString('latin1', 0, 5), '%PDF-')
  assert.deepEqual(pagesOf(plain.bytes), [
    [612, 792],
    [612, 792],
    [612, 792],
  ])
  const lying = await driver.pdf({ paper: 'a4', landscape: true })
  assert.deepEqual(pagesOf(lying.bytes)[0], [842, 596])
  const own = await driver.pdf({ sizeMm: { width: 100, height: 200 }, pageRanges: '1, 3' })
  assert.deepEqual(pagesOf(own.bytes), [
    [284, 567],
    [284, 567],
  ])
})

test('scale, margins and background change what is printed', async () => {
  await open(
    `<body style="background: repeating-linear-gradient(red, blue)">${'word '.repeat(2_000)}`,
  )
  const pages = async (input: object) => pagesOf((await driver.pdf(input)).bytes).length
  const usual = await pages({})
  assert.ok((await pages({ scale: 2 })) > usual)
  assert.ok((await pages({ marginsMm: { top: 100, bottom: 100 } })) > usual)
  const [bare, painted] = [await driver.pdf({}), await driver.pdf({ background: true })]
  assert.ok(bare.bytes.toString('latin1').split('/Pattern').length < 2)
  assert.ok(painted.bytes.toString('latin1').split('/Pattern').length >= 2)
})

test('a header and a footer are printed, and by default there is none', async () => {
  await open('<title>Report</title>Text')
  const size = async (input: object) => (await driver.pdf(input)).bytes.length
  const text = '<span style="font-size: 20px">Page <span class="pageNumber"></span></span>'
  const bare = await size({})
  assert.ok((await size({ headerTemplate: text })) > bare)
  assert.ok((await size({ footerTemplate: text })) > bare)
})

test('a page that cannot be printed as asked says why', async () => {
  await open('Short')
  const beyond = await refusal(driver.pdf({ pageRanges: '5-9' }), 'browser.print_refused')
  assert.equal(beyond.status, 422)
  assert.match(beyond.message, /pageRanges/)
  const narrow = driver.pdf({ marginsMm: { left: 200, right: 200 } })
  assert.match((await refusal(narrow, 'browser.print_refused')).message, /margins/)
  assert.equal(pagesOf((await driver.pdf({})).bytes).length, 1)
})

test('printing ends with its deadline and with the caller’s signal', async () => {
  await open('<script>onbeforeprint = () => { for (;;); }</script>')
  await givenTime(500, async (timeoutMs) => {
    const problem = await refusal(driver.pdf({ timeoutMs }), 'browser.timeout')
    assert.match(problem.message, /for the page to be printed/)
  })
  const reason = new Error('the client went away')
  await assert.rejects(driver.pdf({}, AbortSignal.abort(reason)), reason)
  await open('<title>Next</title>')
  assert.equal((await driver.state()).title, 'Next')
})
