import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { eventually } from '#kernel/test-support.ts'
import { openDriver } from './driver.ts'
import { customerOf, driverOf, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)
const customer = await customerOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const read = async (script: string) => (await driver.execute({ script })).result
const ask = (script: string) => refusal(read(script), 'browser.dialog_open')

test('a dialog is accepted or dismissed, and the page goes on', async () => {
  await open('')
  await ask('answer = confirm("Sure?")')
  const confirmed = await driver.dialog({ action: 'accept' })
  assert.deepEqual(confirmed, { answered: [{ type: 'confirm', message: 'Sure?' }] })
  assert.equal(await read('answer'), true)
  await ask('answer = confirm("Sure?")')
  await driver.dialog({ action: 'dismiss' })
  assert.equal(await read('answer'), false)
  await ask('answer = prompt("Name?", "Bob")')
  await driver.dialog({ action: 'accept', promptText: 'Ann' })
  assert.equal(await read('answer'), 'Ann')
  await ask('answer = prompt("Name?")')
  await driver.dialog({ action: 'dismiss', promptText: 'Ann' })
  assert.equal(await read('answer'), null)
})

test('without a dialog there is nothing to answer', async () => {
  await open('')
  const problem = await refusal(driver.dialog({ action: 'accept' }), 'browser.no_dialog')
  assert.equal(problem.status, 409)
  await ask('alert(1)')
  const answers = await Promise.allSettled([
    driver.dialog({ action: 'accept' }),
    driver.dialog({ action: 'accept' }),
  ])
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  const reason = new Error('the client went away')
  await assert.rejects(driver.dialog({ action: 'accept' }, AbortSignal.abort(reason)), reason)
})

test('a dialog is answered while a command of another client runs', async () => {
  const { url } = await open('')
  const asking = await customer.attach(url)
  const ask = { expression: 'setTimeout(() => { said = confirm("?") })' }
  await customer.send('Runtime.evaluate', ask, asking.sessionId)
  await eventually('the dialog', async () => (await driver.state()).dialog)
  const other = site.page('')
  await driver.tabs({ action: 'open', url: other })
  let isOver = false
  const busy = driver.wait({ function: 'globalThis.free' }).finally(() => (isOver = true))
  await driver.dialog({ action: 'accept' })
  assert.ok(!isOver, 'the other command still runs')
  const { sessionId } = await customer.attach(other)
  await customer.send('Runtime.evaluate', { expression: 'free = true' }, sessionId)
  await busy
})

test('several dialogs in a row are answered at once', async () => {
  await open('')
  await ask('for (let i = 1; i <= 3; i++) alert(i); done = true')
  const first = await driver.dialog({ action: 'accept', repeat: 2 })
  assert.deepEqual(
    first.answered.map(({ message }) => message),
    ['1', '2'],
  )
  const rest = await driver.dialog({ action: 'accept', repeat: 10 })
  assert.deepEqual(rest, { answered: [{ type: 'alert', message: '3' }] })
  assert.equal(await read('done'), true)
})

test('a page that asks on and on is left by a navigation that says so', async () => {
  const endless = site.page('<title>Endless</title><script>for (;;) alert(1)</script>')
  await refusal(driver.navigate({ url: endless }), 'browser.dialog_open')
  const next = site.page('<title>Next</title>')
  await refusal(driver.navigate({ url: next }), 'browser.dialog_open')
  await driver.dialog({ action: 'dismiss', repeat: 5 })
  assert.equal((await driver.navigate({ url: next, dismissDialog: true })).title, 'Next')
  assert.equal(
    (await driver.state()).tabs.length,
    (await driver.tabs({ action: 'list' })).tabs.length,
  )
  await ask('setInterval(() => alert(2), 1); alert(2)')
  assert.equal((await driver.navigate({ url: next, dismissDialog: true })).title, 'Next')
  assert.equal(await read('1'), 1)
})

test('a page that asks before it is left stays until it is answered', async () => {
  await open(`<title>Asks</title><button>Touch</button>
    <script>onbeforeunload = (event) => event.preventDefault()</script>`)
  await driver.click({ selector: 'button' })
  const url = site.page('<title>Away</title>')
  await refusal(driver.navigate({ url }), 'browser.dialog_open')
  const { answered } = await driver.dialog({ action: 'dismiss' })
  assert.equal(answered[0]?.type, 'beforeunload')
  assert.equal((await driver.state()).title, 'Asks')
  await driver.click({ selector: 'button' })
  await refusal(driver.reload({}), 'browser.dialog_open')
  await driver.dialog({ action: 'accept' })
  await driver.wait({ function: '!navigator.userActivation.hasBeenActive' })
  await driver.reload({})
  await open('')
})

test('a page that was held before the driver came can still be left', async () => {
  await open('<title>Held</title>')
  await ask('alert("early")')
  const late = openDriver({ endpoint: browser.endpoint, log: pino({ level: 'silent' }) })
  await using _ = late
  const { tabs } = await late.tabs({ action: 'list' })
  const held = tabs.find(({ title }) => title === 'Held')!
  await late.tabs({ action: 'close', tabId: held.id })
  assert.equal((await late.navigate({ url: site.page('<title>Free</title>') })).title, 'Free')
})
