import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { eventually } from '#kernel/test-support.ts'
import type { Rental } from './rental.ts'

const MIB = 1024 * 1024
const WITHIN_MS = 60_000

/** A site whose `/file` is something to be saved. */
export const site: RequestListener = ({ url }, response) => {
  if (!url?.startsWith('/file')) return void response.end('<!doctype html><title>A page</title>')
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('content-disposition', 'attachment; filename="file.bin"')
  response.end(Buffer.alloc(10_000, 7))
}

/** Goes on taking memory until its browser is gone. */
export async function eatMemory(culprit: Rental): Promise<void> {
  const script = `(async () => {
    globalThis.eaten = []
    for (;;) {
      eaten.push(new Uint8Array(${16 * MIB}).fill(1 + eaten.length))
      await new Promise((done) => setTimeout(done, 5))
    }
  })()`
  const { status, body } = await culprit.command('execute', { script, timeoutMs: 60_000 })
  assert.deepEqual([status, body.code], [410, 'browser.crashed'], JSON.stringify(body))
  assert.match(body.detail, /took \d+ MiB of memory/)
  await culprit.lost()
}

/** Its page and `workers` beside it never stop to count. */
export async function eatProcessor(culprit: Rental, workers: number): Promise<void> {
  const spin = `URL.createObjectURL(new Blob(['for (;;);']))`
  await culprit.evaluate(`for (let n = 0; n < ${workers}; n++) new Worker(${spin})`)
  const stuck = await culprit.command('execute', { script: 'for (;;);', timeoutMs: 1_500 })
  assert.deepEqual([stuck.status, stuck.body.code], [504, 'browser.timeout'])
}

const AT_ONCE = 50

/** Opens windows, far more than a session may have. */
export async function openPopups(culprit: Rental, popups: number): Promise<void> {
  for (let opened = 0; opened < popups; opened += AT_ONCE) {
    const script = `for (let n = 0; n < ${AT_ONCE}; n++) open('about:blank#' + n)`
    // Chromium itself opens them one by one, and the page waits for each.
    const { status, body } = await culprit.command('execute', { script, timeoutMs: 120_000 })
    // What runs in the page in front may be in one that is too many.
    const isTold = status === 200 || body.code === 'browser.page_closed'
    assert.ok(isTold, JSON.stringify(body))
  }
  await eventually(
    'no more pages are open than may be',
    async () => {
      const { status, body } = await culprit.account.get(`/sessions/${culprit.id}/state`)
      return status === 200 && body.tabs.length <= 100 && body
    },
    WITHIN_MS,
  )
  await eventually('the session goes on', async () => {
    const { body } = await culprit.command('execute', { script: '40 + 2' })
    return body.result === 42
  })
}

/** Saves a file again and again. */
export async function downloadMuch(culprit: Rental, url: string, files: number): Promise<void> {
  const script = `(async () => {
    for (let n = 0; n < ${files}; n++) {
      const link = Object.assign(document.createElement('a'), { href: '${url}/file?' + n, download: 'file' + n })
      link.click()
      if (n % 20 === 0) await new Promise((done) => setTimeout(done, 10))
    }
  })()`
  const { status, body } = await culprit.command('execute', { script, timeoutMs: 120_000 })
  assert.equal(status, 200, JSON.stringify(body))
  const list = async () => (await culprit.account.get(`/sessions/${culprit.id}/downloads`)).body
  const settled = await eventually(
    'all downloads have come to an end',
    async () => {
      const { items } = await list()
      return (
        items.length > 0 &&
        items.every(({ status }: { status: string }) => status !== 'inProgress') &&
        items
      )
    },
    WITHIN_MS,
  )
  assert.ok(settled.length <= 100, `${settled.length} are listed`)
  assert.equal(await culprit.evaluate('40 + 2'), 42, 'and the session goes on')
}

/** A page that opens a dialog whenever one is answered. */
export async function openDialogs(culprit: Rental, answers: number): Promise<void> {
  const script = `setTimeout(() => { for (;;) alert('again') })`
  await culprit.command('execute', { script })
  const held = await eventually('a dialog holds the page', async () => {
    const answer = await culprit.command('execute', { script: '1' })
    return answer.status === 409 && answer
  })
  assert.equal(held.body.code, 'browser.dialog_open')
  for (let n = 0; n < answers; n++) {
    const { status, body } = await culprit.command('dialog', { action: 'accept' })
    assert.equal(status, 200, JSON.stringify(body))
  }
  const away = { url: 'about:blank', dismissDialog: true }
  const left = await culprit.command('navigate', away)
  assert.equal(left.status, 200, JSON.stringify(left.body))
  assert.equal(await culprit.evaluate('40 + 2'), 42, 'and the session goes on')
}

/** A page that makes, loads and shows an address of many megabytes; a large one may cost the session. */
export async function useLongUrl(culprit: Rental, megabytes: number): Promise<void> {
  const script = `(async () => {
    const url = 'data:text/plain,' + 'x'.repeat(${megabytes * MIB})
    const link = document.body.appendChild(Object.assign(document.createElement('a'), { href: url }))
    location.hash = 'here'
    const answer = await fetch(url).then((got) => got.text()).then(({ length }) => length, String)
    document.body.append(Object.assign(new Image(), { src: url }))
    return String(answer).slice(0, 100)
  })()`
  const { status, body } = await culprit.command('execute', { script, timeoutMs: 60_000 })
  if (status === 410) {
    // Several copies of a large one are more memory than a session may take.
    assert.match(body.detail, /MiB of memory/)
    await culprit.lost()
    return
  }
  assert.equal(status, 200, JSON.stringify(body).slice(0, 500))
  const whole = await culprit.command('execute', { script: `document.querySelector('a').href` })
  assert.deepEqual([whole.status, whole.body.code], [422, 'browser.result_too_large'])
  await culprit.command('execute', { script: `void open(document.querySelector('a').href)` })
  const sent = await culprit.command('navigate', { url: `data:text/html,${'x'.repeat(2 * MIB)}` })
  assert.ok([400, 413].includes(sent.status), String(sent.status))
  const state = await culprit.account.get(`/sessions/${culprit.id}/state`)
  assert.equal(state.status, 200, JSON.stringify(state.body).slice(0, 500))
  assert.ok(JSON.stringify(state.body).length < MIB)
}
