import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { eventually } from '#kernel/test-support.ts'
import { driverOf, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const list = async () => (await driver.tabs({ action: 'list' })).tabs
const closeAll = async () => {
  for (const { id } of await list()) await driver.tabs({ action: 'close', tabId: id })
}
const titles = async () => (await list()).map(({ title }) => title)

beforeEach(closeAll)

test('tabs are opened, activated and closed, and commands act on the one in front', async () => {
  const one = await driver.tabs({ action: 'open', url: site.page('<title>One</title>') })
  const two = await driver.tabs({ action: 'open', url: site.page('<title>Two</title>') })
  const areTold = async () => isDeepStrictEqual(await titles(), ['One', 'Two'])
  await eventually('the titles are One and Two', areTold)
  assert.deepEqual(
    two.tabs.map(({ id, active }) => [id, active]),
    [
      [one.tabId, false],
      [two.tabId, true],
    ],
  )
  const activated = await driver.tabs({ action: 'activate', tabId: one.tabId! })
  assert.equal(activated.tabs.find(({ active }) => active)?.id, one.tabId)
  assert.equal((await driver.execute({ script: 'document.title' })).result, 'One')
  const closed = await driver.tabs({ action: 'close', tabId: one.tabId! })
  assert.deepEqual(
    closed.tabs.map(({ id, active }) => [id, active]),
    [[two.tabId, true]],
  )
  assert.equal((await driver.execute({ script: 'document.title' })).result, 'Two')
})

test('of tabs in windows of their own, commands act on the one that was activated last', async () => {
  const one = await driver.tabs({ action: 'open', url: site.page('<title>One</title>') })
  const popup = site.page('<title>Popup</title>')
  const script = `void window.open('${popup}', '', 'popup,width=400,height=300')`
  await driver.execute({ script })
  const opened = await eventually('the popup', async () =>
    (await list()).find(({ active, title }) => active && title === 'Popup'),
  )
  const activate = async (tabId: string) =>
    (await driver.tabs({ action: 'activate', tabId })).tabs.find(({ active }) => active)?.id
  assert.equal(await activate(one.tabId!), one.tabId)
  const shown = await driver.execute({ script: '[document.title, document.visibilityState]' })
  assert.deepEqual(shown.result, ['One', 'visible'])
  assert.equal(await activate(opened.id), opened.id)
})

test('the last tab may be closed: the next command opens another', async () => {
  await driver.tabs({ action: 'open' })
  await closeAll()
  assert.deepEqual(await list(), [])
  const url = site.page('<title>Again</title>')
  assert.equal((await driver.navigate({ url })).title, 'Again')
})

test('a tab that is not there is refused, and so is an address that may not be opened', async () => {
  for (const action of ['close', 'activate'] as const) {
    const problem = await refusal(driver.tabs({ action, tabId: 'nope' }), 'browser.tab_not_found')
    assert.equal(problem.status, 404)
  }
  await driver.tabs({ action: 'open' })
  const file = driver.tabs({ action: 'open', url: 'file:///etc/passwd' })
  await refusal(file, 'browser.url_refused')
  const nobody = driver.tabs({ action: 'open', url: 'http://127.0.0.1:1/' })
  await refusal(nobody, 'browser.navigation_failed')
  await eventually('one tab', async () => (await list()).length === 1)
})

test('at most 50 tabs are open', async () => {
  for (let open = (await list()).length; open < 50; open++) await driver.tabs({ action: 'open' })
  const problem = await refusal(driver.tabs({ action: 'open' }), 'browser.too_many_tabs')
  assert.equal(problem.status, 409)
})

test('a tab that loops or asks on and on can be closed', async () => {
  const loop = '<script>setTimeout(() => { for (;;); }, 50)</script>'
  const { tabId = '' } = await driver.tabs({ action: 'open', url: site.page(loop) })
  await driver.wait({ timeMs: 100 }).catch(() => {})
  const { tabs } = await driver.tabs({ action: 'close', tabId })
  assert.deepEqual(tabs, [])

  const asks = driver.tabs({ action: 'open', url: site.page('<script>for (;;) alert(1)</script>') })
  await refusal(asks, 'browser.dialog_open')
  const [held] = await list()
  await driver.tabs({ action: 'close', tabId: held!.id })
  const url = site.page('<title>Free</title>')
  assert.equal((await driver.navigate({ url })).title, 'Free')
})

test('opening a tab ends with its deadline, which closes it again, and with the caller’s signal', async () => {
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const url = site.page('', { when: held })
  await refusal(driver.tabs({ action: 'open', url, timeoutMs: 400 }), 'browser.timeout')
  await eventually('no tab', async () => (await list()).length === 0)
  resolve()
  const reason = new Error('the client went away')
  await assert.rejects(driver.tabs({ action: 'open' }, AbortSignal.abort(reason)), reason)
})
