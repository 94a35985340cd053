import assert from 'node:assert/strict'
import { chmod, chown, mkdir, readdir, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { chromium } from 'playwright-core'
import { systemClock } from '#kernel/clock.ts'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { TestSite, customerOf, refusal, startBrowser } from '../driver/test-browser.ts'
import type { PageFacts } from '../driver/driver.ts'
import { type FeedEvent, SessionFeed } from './feed.ts'
import { type GuardLimits, SessionGuard } from './guard.ts'

const log = pino({ level: 'silent' })
const browser = await startBrowser('--disable-popup-blocking')
const site = await TestSite.start()
const customer = await customerOf(browser)
const ATTACHMENT = {
  'content-type': 'application/pdf',
  'content-disposition': 'attachment; filename="bill.pdf"',
}

/** A guard of the browser, and what its session's feed tells. */
async function guarded(t: TestContext, limits: Partial<GuardLimits> = {}) {
  const downloads = temporaryPath()
  await mkdir(downloads)
  const { browser: user } = await findUsers(['browser'])
  if (user) await chown(downloads, user.uid, user.gid)
  const feed = new SessionFeed({ clock: systemClock, log })
  const events: FeedEvent[] = []
  feed.subscribe({}, (event) => void events.push(event))
  const files = { downloads }
  const guard = await SessionGuard.open({
    endpoint: browser.endpoint,
    files,
    feed,
    log,
    clock: systemClock,
    limits,
  })
  t.after(() => guard[Symbol.dispose]())
  const types = () => events.map(({ data }) => data.type)
  return { guard, events, types, downloads }
}

/** A page of the customer; what it evaluates runs as if a person had clicked. */
async function openPage(url: string, browserContextId?: string) {
  const { targetId } = await customer.send<{ targetId: string }>('Target.createTarget', {
    url,
    browserContextId,
  })
  const options = { targetId, flatten: true }
  const { sessionId } = await customer.send<{ sessionId: string }>('Target.attachToTarget', options)
  const run = (expression: string) => {
    const script = { expression, userGesture: true, returnByValue: true, awaitPromise: true }
    return customer.send<{ result: { value: unknown } }>('Runtime.evaluate', script, sessionId)
  }
  await eventually('the page has loaded', async () => {
    const { result } = await run('document.readyState + location.href')
    return String(result.value).startsWith('complete') && String(result.value).includes(url)
  })
  return {
    targetId,
    run,
    close: () => customer.send('Target.closeTarget', { targetId }),
  }
}

async function openPages(): Promise<number> {
  const { targetInfos } = await customer.send<{ targetInfos: { type: string }[] }>(
    'Target.getTargets',
  )
  return targetInfos.filter(({ type }) => type === 'page').length
}

test('the page in front is told, with a title that a script sets later', async (t) => {
  const { guard, types } = await guarded(t)
  const seen: PageFacts[] = []
  guard.onPage((facts) => void seen.push(facts))
  const url = site.page('<title>First</title>')
  const page = await openPage(url)
  await eventually('told', () => seen.at(-1)?.url === url && seen.at(-1)?.title === 'First')
  await page.run('document.title = "Second"')
  await eventually('the title is told', () => seen.at(-1)?.title === 'Second')
  await page.close()
  await eventually('another page is in front', () => seen.at(-1)?.url !== url)
  assert.ok(types().includes('page.opened'))
  await eventually('the close is told', () => types().includes('page.closed'))
})

test('of a page that opens too many, the newest are closed and one event tells', async (t) => {
  const { events, types } = await guarded(t, { pages: 6 })
  const page = await openPage(site.page('<title>Popups</title>'))
  await page.run('for (let i = 0; i < 40; i++) open("about:blank#" + i); 0')
  await eventually('the refusals are told', () => types().includes('pages.refused'))
  await eventually('no more than the limit are open', async () => (await openPages()) <= 6)
  const { result } = await page.run('6 * 7')
  assert.equal(result.value, 42)
  const count = () =>
    events
      .filter(({ data }) => data.type === 'pages.refused')
      .reduce((sum, { data }) => sum + Number(data.count), 0)
  await eventually('each refusal is counted', () => count() >= 34)
  assert.ok(types().filter((type) => type === 'pages.refused').length < 20)
  const { targetInfos } = await customer.send<{
    targetInfos: { type: string; targetId: string; openerId?: string }[]
  }>('Target.getTargets')
  for (const { targetId, openerId } of targetInfos) {
    if (openerId === page.targetId) await customer.send('Target.closeTarget', { targetId })
  }
  await page.close()
})

test('a crash of a page is told', async (t) => {
  const { types } = await guarded(t)
  const page = await openPage(site.page('<title>Crash</title>'))
  await eventually('the page is known', () => types().includes('page.opened'))
  page.run('0').catch(() => {})
  const { sessionId } = await customer.send<{ sessionId: string }>('Target.attachToTarget', {
    targetId: page.targetId,
    flatten: true,
  })
  customer.send('Page.crash', {}, sessionId).catch(() => {})
  await eventually('the crash is told', () => types().includes('page.crashed'))
  await page.close()
})

test('a download is listed, told and can be read', async (t) => {
  const { guard, types, downloads } = await guarded(t)
  const page = await openPage(site.page('<title>Bills</title>'))
  const url = site.page('the bill', { headers: ATTACHMENT })
  await page.run(`location.href = '${url}'`)
  await eventually('it is complete', () => guard.downloads()[0]?.status === 'completed')
  const [download] = guard.downloads()
  const { id, startedAt: _, ...facts } = download!
  assert.deepEqual(facts, { url, suggestedName: 'bill.pdf', bytes: 8, status: 'completed' })
  const opened = await guard.openDownload(id)
  assert.equal(await opened.file.readFile('utf8'), 'the bill')
  await opened.file.close()
  assert.deepEqual([opened.bytes, opened.name], [8, 'bill.pdf'])
  assert.deepEqual(
    types().filter((type) => String(type).startsWith('download.')),
    ['download.started', 'download.completed'],
  )
  assert.deepEqual(await readdir(downloads), [id])
  await page.close()
})

test('no id and no exchanged file leads out of the directory', async (t) => {
  const { guard, downloads } = await guarded(t)
  const page = await openPage(site.page('<title>Bills</title>'))
  await page.run(`location.href = '${site.page('x', { headers: ATTACHMENT })}'`)
  await eventually('it is complete', () => guard.downloads()[0]?.status === 'completed')
  await page.close()
  const { id } = guard.downloads()[0]!
  for (const path of ['../../etc/passwd', '/etc/passwd', '', `${id}/../${id}`]) {
    await refusal(guard.openDownload(path), 'download.not_found')
  }
  await rename(join(downloads, id), join(downloads, 'other'))
  await symlink('/etc/passwd', join(downloads, id))
  await refusal(guard.openDownload(id), 'download.not_found')
})

test('downloads beyond the bounds are refused, and leave no file', async (t) => {
  const { guard, downloads } = await guarded(t, { downloads: 3, downloadBytes: 1_000 })
  const page = await openPage(site.page('<title>Bills</title>'))
  const small = site.page('small', { headers: ATTACHMENT })
  const large = site.page('x'.repeat(5_000), { headers: ATTACHMENT })
  await page.run(`location.href = '${large}'`)
  await eventually('the large is refused', () => guard.downloads()[0]?.status === 'refused')
  assert.match(guard.downloads()[0]!.reason!, /too large/)
  for (let count = 1; count <= 3; count++) {
    await page.run(`location.href = '${small}?${count}'.replace(/\\?.*/, '')`)
    const completed = () => guard.downloads().filter(({ status }) => status === 'completed')
    await eventually('one more is complete', () => completed().length === count)
  }
  await page.run(
    `for (let i = 0; i < 30; i++) document.body.append(Object.assign(document.createElement('iframe'), { src: '${small}' }))`,
  )
  await eventually('the files are the three', async () => (await readdir(downloads)).length === 3)
  assert.equal(guard.downloads().length, 3)
  await page.close()
})

test('a stream without end is cut off at the bound', async (t) => {
  const { guard, downloads } = await guarded(t, { downloadBytes: 300_000 })
  const page = await openPage(site.page('<title>Endless</title>'))
  await page.run(`(() => {
    const chunk = new Uint8Array(100_000)
    const file = new Blob(Array.from({ length: 40 }, () => chunk))
    const link = Object.assign(document.createElement('a'), { download: 'big', href: URL.createObjectURL(file) })
    link.click()
  })()`)
  const big = () => guard.downloads().find(({ suggestedName }) => suggestedName.startsWith('big'))
  await eventually('it is refused', () => big()?.status === 'refused')
  await eventually('no file is left', async () => !(await readdir(downloads)).includes(big()!.id))
  await page.close()
})

test('a client that leads downloads elsewhere has it undone', async (t) => {
  const { guard } = await guarded(t)
  const elsewhere = temporaryPath()
  await mkdir(elsewhere)
  await chmod(elsewhere, 0o777)
  const page = await openPage(site.page('<title>Bills</title>'))
  const url = site.page('the bill', { headers: ATTACHMENT })
  const playwright = await chromium.connectOverCDP(browser.endpoint, { artifactsDir: elsewhere })
  await page.run(`location.href = '${url}'`)
  await eventually('it is refused', () => guard.downloads()[0]?.status === 'refused')
  await guard.claimDownloads()
  await page.run(`location.href = '${url}'`)
  await eventually('it is complete', () => guard.downloads()[1]?.status === 'completed')
  await playwright.close()
  await guard.claimDownloads()
  await page.run(`location.href = '${url}'`)
  await eventually('it is complete', () => guard.downloads()[2]?.status === 'completed')
  await page.close()
})

test("downloads of a client's own context are the session's too", async (t) => {
  const { guard } = await guarded(t)
  const { browserContextId } = await customer.send<{ browserContextId: string }>(
    'Target.createBrowserContext',
  )
  const page = await openPage(site.page('<title>Bills</title>'), browserContextId)
  await page.run(`location.href = '${site.page('theirs', { headers: ATTACHMENT })}'`)
  await eventually('it is complete', () => guard.downloads()[0]?.status === 'completed')
  const { file } = await guard.openDownload(guard.downloads()[0]!.id)
  assert.equal(await file.readFile('utf8'), 'theirs')
  await file.close()
  await customer.send('Target.disposeBrowserContext', { browserContextId })
})
