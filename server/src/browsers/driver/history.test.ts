import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const read = async (script: string) => (await driver.execute({ script })).result
const answersSoon = async () => {
  try {
    return Boolean(await driver.execute({ script: '1', timeoutMs: 100 }))
  } catch {
    return false
  }
}
const fresh = () => driver.tabs({ action: 'open' })

test('back and forward go through the history of the tab, and end with it', async () => {
  await fresh()
  const one = await driver.navigate({ url: site.page('<title>One</title>') })
  const two = await driver.navigate({ url: site.page('<title>Two</title>', { status: 404 }) })
  const back = await driver.back({})
  assert.deepEqual([back.url, back.title], [one.url, 'One'])
  const forward = await driver.forward({})
  assert.deepEqual([forward.url, forward.title], [two.url, 'Two'])
  const end = await refusal(driver.forward({}), 'browser.no_history')
  assert.deepEqual([end.status, end.message], [409, 'The tab has no page to go forward to.'])
  await driver.back({})
  assert.equal((await driver.back({})).url, 'about:blank')
  await refusal(driver.back({}), 'browser.no_history')
})

test('a change of the address by a script is a step of the history too', async () => {
  await fresh()
  const { url } = await driver.navigate({ url: site.page('<title>One</title>') })
  await read('stayed = true; history.pushState(0, 0, "#deep")')
  assert.deepEqual(await driver.back({}), { url, title: 'One', status: null })
  assert.equal(await read('stayed'), true)
})

test('reload loads the page anew and tells its status', async () => {
  const { url } = await driver.navigate({ url: site.page('<title>Old</title>', { status: 418 }) })
  await read('marked = document.title = "Changed"')
  assert.deepEqual(await driver.reload({}), { url, title: 'Old', status: 418 })
  assert.equal(await read('typeof marked'), 'undefined')
})

test('a page whose script loops can be loaded anew and left', async () => {
  await fresh()
  const before = await driver.navigate({ url: site.page('<title>Before</title>') })
  const body =
    '<title>Loop</title><script>onload = () => setTimeout(() => { for (;;); }, 50)</script>'
  const { url } = await driver.navigate({ url: site.page(body) })
  await eventually('the loop', async () => !(await answersSoon()))
  assert.equal((await driver.reload({ waitUntil: 'commit' })).url, url)
  await eventually('the loop', async () => !(await answersSoon()))
  assert.equal((await driver.back({})).url, before.url)
})

test('a journey ends with its deadline and with the caller’s signal', async () => {
  await fresh()
  await driver.navigate({ url: site.page('<title>Before</title>') })
  let isHeld = false
  const held = Promise.withResolvers<void>()
  await driver.navigate({ url: site.page('', { when: () => (isHeld ? held.promise : undefined) }) })
  isHeld = true
  await givenTime(400, async (timeoutMs) => {
    const problem = await refusal(driver.reload({ timeoutMs }), 'browser.timeout')
    assert.match(problem.message, /for load of http/)
  })
  const controller = new AbortController()
  const reason = new Error('the client went away')
  const reloading = driver.reload({}, controller.signal)
  setTimeout(() => controller.abort(reason), 200)
  await assert.rejects(reloading, reason)
  assert.equal((await driver.back({})).title, 'Before')
  held.resolve()
})

test('HTML is shown on a page of no site', async () => {
  await driver.navigate({ url: site.page('<title>Site</title>') })
  const html = '<title>Mine</title><p>Text<script>origin = self.origin</script>'
  const shown = await driver.setContent({ html })
  assert.deepEqual(shown, { url: 'about:blank', title: 'Mine', status: null })
  assert.equal(await read('origin'), 'null')
  const endless = '<title>Slow</title><script>for (;;);</script>'
  await givenTime(500, async (timeoutMs) => {
    const shows = driver.setContent({ html: endless, timeoutMs })
    assert.match((await refusal(shows, 'browser.timeout')).message, /for load of the given HTML/)
  })
  assert.equal((await driver.setContent({ html })).title, 'Mine')
})
