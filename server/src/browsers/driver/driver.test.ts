import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import pino from 'pino'
import { eventually } from '#kernel/test-support.ts'
import { openDriver } from './driver.ts'
import { customerOf, driverOf, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)
const customer = await customerOf(browser)
const log = pino({ level: 'silent' })

const read = async (script: string) => (await driver.execute({ script })).result
const pause = (ms: number) => `await new Promise((done) => setTimeout(done, ${ms}))`

test('commands of one session run one after another, in the order of their calls', async () => {
  await driver.navigate({ url: site.page('<script>order = []</script>') })
  const slow = read(`order.push('in'); ${pause(100)}; order.push('out')`)
  const click = driver.click({ x: 1, y: 1 })
  const last = read('order.push("last"); return order')
  await Promise.all([slow, click])
  assert.deepEqual(await last, ['in', 'out', 'last'])
})

test('at most 64 commands wait, and the next is refused at once', async () => {
  const first = read(pause(300))
  const waiting = Array.from({ length: 64 }, (_, place) => read(`${place}`))
  const problem = await refusal(read('65'), 'browser.busy')
  assert.equal(problem.status, 429)
  await first
  assert.deepEqual(
    await Promise.all(waiting),
    Array.from({ length: 64 }, (_, place) => place),
  )
})

test('a command whose time is over while it waits is never run', async () => {
  const caller = new AbortController()
  const reason = new Error('the client went away')
  const held = driver.execute({ script: 'await new Promise(() => {})' }, caller.signal)
  const first = assert.rejects(held, reason)
  const second = driver.execute({ script: 'ran = true', timeoutMs: 100 })
  assert.match(
    (await refusal(second, 'browser.timeout')).message,
    /earlier commands of this session/,
  )
  caller.abort(reason)
  await first
  assert.equal(await read('typeof ran'), 'undefined')
})

test('a failed command does not hold up the next', async () => {
  const failed = refusal(read('throw 1'), 'browser.script_failed')
  assert.equal(await read('2'), 2)
  await failed
})

test('an aborted signal ends a command with its reason', async () => {
  const controller = new AbortController()
  const reason = new Error('the client went away')
  const click = driver.click({ selector: '#absent', timeoutMs: 60_000 }, controller.signal)
  setTimeout(() => controller.abort(reason), 100)
  await assert.rejects(click, reason)
  await assert.rejects(driver.execute({ script: '1' }, AbortSignal.abort(reason)), reason)
  assert.equal(await read('1'), 1)
})

test('a deadline above two minutes is two minutes', async () => {
  await driver.navigate({ url: site.page('') })
  const { promise, resolve } = Promise.withResolvers<void>()
  const navigation = driver.navigate({ url: site.page('', { when: promise }), timeoutMs: 1e9 })
  resolve()
  assert.equal((await navigation).status, 200)
})

test('a page that crashes says so until the next navigation, which opens a fresh one', async () => {
  const { url } = await driver.navigate({ url: site.page('<title>Doomed</title>') })
  const { sessionId, targetId } = await customer.attach(url)
  const running = refusal(read(pause(20_000)), 'browser.page_crashed')
  await eventually('the script to run', async () => (await driver.state()).title === 'Doomed')
  void customer.send('Page.crash', {}, sessionId).catch(() => {})
  const problem = await running
  assert.equal(problem.status, 410)
  assert.ok(problem.message.includes(`${url} is gone (crashed)`), problem.message)
  await refusal(driver.click({ x: 1, y: 1 }), 'browser.page_crashed')
  assert.equal((await driver.state()).url, url)

  const fresh = await driver.navigate({ url: site.page('<title>Fresh</title>') })
  assert.equal(fresh.title, 'Fresh')
  const { tabs } = await driver.state()
  assert.equal(tabs.length, 1)
  assert.notEqual(tabs[0]!.id, targetId)
})

test('a driver that is disposed of leaves pages and dialogs as they are', async () => {
  const { url } = await driver.navigate({ url: site.page('<title>Stays</title>') })
  const page = await customer.attach(url)
  const other = openDriver({ endpoint: browser.endpoint, log })
  await other.click({ x: 1, y: 1 })
  const script = 'answer = confirm("Stay?")'
  await refusal(other.execute({ script }), 'browser.dialog_open')
  const running = refusal(
    other.state().then(() => other.click({ x: 1, y: 1 })),
    'browser.dialog_open',
  )
  await running
  await other[Symbol.asyncDispose]()
  if (browser.headlessShell) {
    // It dismisses a dialog as soon as any client leaves the page.
    await eventually('the end of the dialog', async () => !(await driver.state()).dialog)
    assert.equal(await read('answer'), false)
  } else {
    assert.deepEqual((await driver.state()).dialog, { type: 'confirm', message: 'Stay?' })
    await customer.send('Page.handleJavaScriptDialog', { accept: true }, page.sessionId)
    await eventually('the end of the dialog', async () => !(await driver.state()).dialog)
    assert.equal(await read('answer'), true)
  }
  assert.equal((await driver.state()).url, url)
})

test('a driver that is disposed of ends its commands and takes no more', async () => {
  const other = openDriver({ endpoint: browser.endpoint, log })
  const running = refusal(other.execute({ script: pause(20_000) }), 'session.closed')
  const waiting = refusal(other.execute({ script: '1' }), 'session.closed')
  await eventually('a connection', () => other.currentPage())
  await other[Symbol.asyncDispose]()
  await Promise.all([running, waiting])
  await refusal(other.state(), 'session.closed')
  assert.equal(await read('1'), 1)
})

test('nobody at the endpoint is a browser that is gone', async () => {
  await using nobody = openDriver({ endpoint: 'ws://127.0.0.1:9/devtools/browser/x', log })
  assert.equal(await nobody.currentPage(), undefined)
  assert.equal((await refusal(nobody.execute({ script: '1' }), 'browser.crashed')).status, 410)
})

/** A line to the browser that can be cut, and hands on what comes from it in batches of `batchMs`. */
async function lineTo(endpoint: string, batchMs = 0) {
  const { port, pathname } = new URL(endpoint)
  const ends: Socket[] = []
  const server = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1')
    near.pipe(far)
    const batch: Buffer[] = []
    far.on('data', (chunk: Buffer) => {
      if (batch.push(chunk) > 1) return
      setTimeout(() => near.write(Buffer.concat(batch.splice(0))), batchMs)
    })
    for (const end of [near, far]) ends.push(end.on('error', () => {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => ends.forEach((end) => end.destroy())
  after(() => {
    cut()
    server.close()
  })
  return { cut, endpoint: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}` }
}

test('a page that was open before the driver came can be used, however the news of it arrives', async () => {
  await driver.navigate({ url: site.page('<input oninput="typed = value">') })
  const line = await lineTo(browser.endpoint, 20)
  await using other = openDriver({ endpoint: line.endpoint, log })
  await other.type({ selector: 'input', text: 'x' })
  assert.equal(await read('typed'), 'x')
})

test('a driver whose connection broke connects again at its next command', async () => {
  const { url } = await driver.navigate({ url: site.page('<button>Here</button>') })
  const line = await lineTo(browser.endpoint)
  await using remote = openDriver({ endpoint: line.endpoint, log })
  await remote.click({ selector: 'button' })
  const running = refusal(remote.execute({ script: pause(20_000) }), 'browser.crashed')
  await remote.state()
  line.cut()
  await running
  await remote.click({ selector: 'button' })
  assert.equal((await remote.state()).url, url)
})

test('a browser that dies ends every command with 410, whatever it was doing', async () => {
  const doomed = await startBrowser()
  const theirs = driverOf(doomed)
  await theirs.navigate({ url: site.page('<button disabled>X</button>') })
  const click = { selector: 'button', timeoutMs: 60_000 }
  const running = refusal(theirs.click(click), 'browser.crashed')
  const waiting = refusal(theirs.execute({ script: '1' }), 'browser.crashed')
  assert.equal((await theirs.state()).title, '')
  doomed.kill()
  assert.equal((await running).status, 410)
  await waiting
  await refusal(theirs.navigate({ url: site.page('') }), 'browser.crashed')
  await refusal(theirs.state(), 'browser.crashed')
  assert.equal(await theirs.currentPage(), undefined)
})
