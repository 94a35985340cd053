import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { customerOf, driverOf, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)
const customer = await customerOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const read = async (script: string) => (await driver.execute({ script })).result

test('the state tells what the page shows', async () => {
  const { url } = await open('<title>Here</title><body style="height: 5000px">')
  await driver.scroll({ y: 120 })
  const { tabs, ...state } = await driver.state()
  const [width, height] = (await read('[innerWidth, innerHeight]')) as number[]
  assert.deepEqual(state, {
    ...{ url, title: 'Here', loading: false },
    viewport: { width, height },
    scroll: { x: 0, y: 120 },
  })
  assert.deepEqual(tabs, [{ id: tabs[0]!.id, url, title: 'Here', active: true }])
})

test('a title that a script sets later is told everywhere', async () => {
  await open('<title>Old</title>')
  await read('document.title = "New"')
  assert.equal((await driver.state()).title, 'New')
  const facts = await eventually('the browser to know', async () => {
    const page = await driver.currentPage()
    return page?.title === 'New' && page
  })
  assert.equal(facts.title, 'New')
})

test('a page is loading until its last part has come', async () => {
  const { promise: later, resolve } = Promise.withResolvers<void>()
  const image = site.page('', { when: later })
  const url = site.page(`<img src="${image}">`)
  await driver.navigate({ url, waitUntil: 'domcontentloaded' })
  assert.equal((await driver.state()).loading, true)
  resolve()
  await eventually('the end of loading', async () => !(await driver.state()).loading)
})

test('commands act on the page that was opened or activated last', async () => {
  await open('<title>First</title>')
  const first = (await driver.state()).tabs[0]!.id
  await read(`window.open('${site.page('<title>Second</title>')}'); return 1`)
  const second = await eventually('the second tab', async () => {
    const { tabs, title } = await driver.state()
    return title === 'Second' && tabs.find(({ active }) => active)
  })
  assert.equal((await driver.state()).tabs.length, 2)
  await driver.screenshot({})

  await customer.send('Target.activateTarget', { targetId: first })
  if (browser.headlessShell) {
    // Each page has a window of its own, which shows it already: only a command changes which one counts.
    assert.equal(await read('document.title'), 'Second')
    await driver.tabs({ action: 'activate', tabId: first })
  }
  assert.equal(await read('document.title'), 'First')
  const isVisible = async () => (await read('document.visibilityState')) === 'visible'
  await eventually('the page to know that it is seen', isVisible)
  const background = { url: site.page('<title>Third</title>'), background: true }
  const { targetId } = await customer.send<{ targetId: string }>('Target.createTarget', background)
  await eventually('the third tab', async () => (await read('document.title')) === 'Third')
  assert.equal((await driver.screenshot({})).contentType, 'image/png')

  for (const id of [second.id, targetId])
    await customer.send('Target.closeTarget', { targetId: id })
  await eventually('one tab', async () => (await driver.state()).tabs.length === 1)
  assert.equal(await read('document.title'), 'First')
})

test('pages of a context that a customer made are none of ours', async () => {
  await open('<title>Ours</title>')
  const { browserContextId } = await customer.send<{ browserContextId: string }>(
    'Target.createBrowserContext',
  )
  await customer.send('Target.createTarget', {
    url: site.page('<title>Theirs</title>'),
    browserContextId,
  })
  assert.deepEqual(
    (await driver.state()).tabs.map(({ title }) => title),
    ['Ours'],
  )
  await customer.send('Target.disposeBrowserContext', { browserContextId })
})

test('a page is opened where there is none', async () => {
  await customer.send('Target.closeTarget', { targetId: (await driver.state()).tabs[0]!.id })
  await eventually('no tab', async () => (await driver.state()).tabs.length === 0)
  assert.equal((await driver.state()).url, '')
  assert.equal(await driver.currentPage(), undefined)
  assert.equal(await read('location.href'), 'about:blank')
  assert.equal((await driver.state()).tabs.length, 1)
})

test('the state is told within seconds while a script loops, and waits for no other command', async () => {
  const { url } = await open('<title>Busy</title><body style="height: 5000px">')
  await driver.scroll({ y: 50 })
  const { viewport } = await driver.state()
  const caller = new AbortController()
  const reason = new Error('the client went away')
  let isOver = false
  const loop = driver.execute({ script: 'for (;;);', timeoutMs: 120_000 }, caller.signal)
  const ended = assert.rejects(loop, reason).finally(() => (isOver = true))
  const state = await driver.state()
  assert.ok(!isOver, 'the script still loops')
  assert.deepEqual([state.url, state.title, state.viewport], [url, 'Busy', viewport])
  assert.deepEqual(await driver.currentPage(), { url, title: 'Busy' })
  caller.abort(reason)
  await ended
})

test('a dialog ends the command that meets it, and stays for the customer to answer', async () => {
  const { url } = await open(
    '<title>Asks</title><button onclick="answer = confirm(\'Sure?\')">Ask</button>',
  )
  const page = await customer.attach(url)
  const click = await refusal(driver.click({ selector: 'button' }), 'browser.dialog_open')
  assert.equal(click.status, 409)
  assert.match(click.message, /of type confirm is open .* Sure\?$/)

  const commands = [
    () => driver.execute({ script: '1' }),
    () => driver.navigate({ url }),
    () => driver.screenshot({}),
    () => driver.scroll({ y: 1 }),
    () => driver.type({ text: 'x' }),
  ]
  for (const command of commands) await refusal(command(), 'browser.dialog_open')
  const state = await driver.state()
  assert.deepEqual(state.dialog, { type: 'confirm', message: 'Sure?' })
  assert.deepEqual([state.url, state.title], [url, 'Asks'])

  await customer.send('Page.handleJavaScriptDialog', { accept: true }, page.sessionId)
  await eventually('the end of the dialog', async () => !(await driver.state()).dialog)
  assert.equal(await read('answer'), true)
})

test('a dialog that opens under a running command ends it', async () => {
  const { url } = await open('<title>Asks</title>')
  const page = await customer.attach(url)
  await read('setTimeout(() => { said = prompt("Name?") }, 300); return 1')
  const click = driver.click({ selector: '#absent', timeoutMs: 60_000 })
  assert.match((await refusal(click, 'browser.dialog_open')).message, /prompt .* Name\?/)
  const promptText = 'Ann'
  await customer.send('Page.handleJavaScriptDialog', { accept: true, promptText }, page.sessionId)
  await eventually('the end of the dialog', async () => !(await driver.state()).dialog)
  assert.equal(await read('said'), 'Ann')
})

test('a page that asks before it is left holds the navigation', async () => {
  const { url } = await open(`<button>Touch</button>
    <script>onbeforeunload = (event) => event.preventDefault()</script>`)
  const page = await customer.attach(url)
  await driver.click({ selector: 'button' })
  const leaving = driver.navigate({ url: site.page('<title>Away</title>') })
  assert.match((await refusal(leaving, 'browser.dialog_open')).message, /of type beforeunload/)
  await customer.send('Page.handleJavaScriptDialog', { accept: true }, page.sessionId)
  await eventually('the page to be left', async () => (await driver.state()).title === 'Away')
})
