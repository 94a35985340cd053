import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { cardOf, goTo, overhang, visitAs } from '#test/console-visit.ts'
import { serveHtml } from '#test/page-server.ts'
import { WebBrowser } from '#test/web-browser.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))
const browser = stack.use(await WebBrowser.open())
const PAGE_WIDTH = 1280
const pages = stack.use(
  await serveHtml(`<title>A shop</title><body style="margin:0">
    <input id="name" style="position:absolute;left:40px;top:100px;width:300px;height:40px">
    <button style="position:absolute;left:40px;top:200px;width:200px;height:60px"
      onclick="document.title = 'Hello ' + prompt('Your name?', document.querySelector('input').value)">ask</button>`),
)

/** Clicks where this is on the page of the session. */
async function clickPage(page: Page, x: number, y: number): Promise<void> {
  const canvas = page.locator('canvas')
  const { width } = (await canvas.boundingBox())!
  const each = width / PAGE_WIDTH
  await canvas.click({ position: { x: x * each, y: y * each } })
}

/** Whether the picture shows anything. */
function isPainted(page: Page): Promise<boolean> {
  return page.locator('canvas').evaluate((canvas) => {
    const { width, height } = canvas as unknown as { width: number; height: number }
    const context = (canvas as unknown as { getContext(kind: '2d'): Painted }).getContext('2d')
    return context.getImageData(0, 0, width, height).data.some((value) => value > 0)
  })
}
interface Painted {
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8Array }
}

test('a person starts a browser in the console, takes control, types, answers a dialog and ends it', async () => {
  const ann = await app.person()
  await using visit = await visitAs(browser, app, ann, 'sessions')
  const { page, complaints } = visit
  await page.getByText('No session is open.').waitFor()
  await page.getByLabel('Address of its first page').fill(pages.url)
  await page.getByRole('button', { name: 'Start it' }).click()
  await page.getByText('Nobody has control').waitFor()
  await page.getByRole('heading', { name: 'A shop' }).waitFor()
  await eventually('the page is painted', () => isPainted(page))

  await clickPage(page, 100, 120)
  await page.getByText('You have control').waitFor()
  await page.keyboard.type('Zoë Ж')
  await clickPage(page, 100, 230)
  await page.getByText('The page says: Your name?').waitFor()
  assert.equal(await page.getByLabel('Your name?').inputValue(), 'Zoë Ж')
  await page.getByLabel('Your name?').fill('Zoë Ж!')
  await page.getByRole('button', { name: 'OK' }).click()
  await page.getByRole('heading', { name: 'Hello Zoë Ж!' }).waitFor()

  const [session] = (await ann.get('/v1/sessions?status=active')).body.items
  const held = await ann.get(`/v1/sessions/${session.id}/control`)
  assert.equal(held.body.holder.kind, 'person')
  await page.getByRole('button', { name: 'Return control' }).click()
  await page.getByText('Nobody has control').waitFor()
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
  await page.getByText('Nothing of it is left on the machine.').waitFor()
  await cardOf(page, 'Live view').getByText('The session has ended: asked.').waitFor()
  assert.deepEqual(complaints, [])
})

test('somebody waits in the console until a program returns control, on a narrow screen too', async () => {
  const ann = await app.person()
  const { key } = (await ann.post('/v1/api-keys', { name: 'ci', scopes: ['sessions.*'] })).body
  const program = { authorization: `Bearer ${key}` }
  const { id } = (await ann.post('/v1/sessions', {}, program)).body
  await ann.post(`/v1/sessions/${id}/control`, { seconds: 600 }, program)
  const options = { viewport: { width: 360, height: 740 } }
  await using visit = await visitAs(browser, app, ann, `session/${id}`, options)
  const { page, complaints } = visit
  await page.getByText('A program has control').waitFor()
  await page.getByRole('button', { name: 'Ask for control' }).click()
  await page.getByText('you are next').waitFor()
  await ann.delete(`/v1/sessions/${id}/control`, program)
  await page.getByText('You have control').waitFor()
  await page.getByLabel('Go to').fill(pages.url)
  await page.getByRole('button', { name: 'Go', exact: true }).click()
  await page.getByRole('heading', { name: 'A shop' }).waitFor()
  await cardOf(page, 'Last commands').getByText('navigate').waitFor()
  await page.getByText('You have control').waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  await goTo(page, 'sessions')
  await page.getByRole('link', { name: 'A shop' }).waitFor()
  await ann.delete(`/v1/sessions/${id}`)
  assert.deepEqual(complaints, [])
})

test('who has tunnels chooses what the pages of a new browser reach, on a narrow screen too', async () => {
  const ann = await app.person()
  const options = { viewport: { width: 360, height: 740 } }
  await using visit = await visitAs(browser, app, ann, 'sessions', options)
  const { page } = visit
  await page.getByRole('button', { name: 'Start it' }).waitFor()
  assert.equal(await page.getByRole('group', { name: 'Tunnels' }).count(), 0)

  const name = app.unique('shop')
  const tunnel = await ann.post('/v1/tunnels', { name })
  await ann.post('/v1/tunnels', { name: app.unique('db'), kind: 'tcp' })
  await page.reload()
  const choice = page.getByRole('group', { name: 'Tunnels' })
  await choice.getByLabel(name).check()
  assert.equal(await choice.getByRole('checkbox').count(), 1, 'bytes are no page')
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  await page.getByRole('button', { name: 'Start it' }).click()
  await page.getByText(`Its pages reach http://${name}.tunnel/.`).waitFor()
  const [session] = (await ann.get('/v1/sessions?status=active')).body.items
  assert.deepEqual(session.tunnels, [{ id: tunnel.body.id, name, url: `http://${name}.tunnel/` }])
  await ann.delete(`/v1/sessions/${session.id}`)
})

test('what was recorded is saved from the console', async () => {
  const ann = await app.person()
  const recording = { frames: false, network: true }
  const { id } = (await ann.post('/v1/sessions', { recording })).body
  await ann.post(`/v1/sessions/${id}/navigate`, { url: pages.url })
  await ann.delete(`/v1/sessions/${id}`)
  await using visit = await visitAs(browser, app, ann, `session/${id}`)
  const { page } = visit
  const saving = page.waitForEvent('download')
  await cardOf(page, 'Recording').getByRole('button', { name: 'HAR' }).click()
  assert.equal((await saving).suggestedFilename(), `${id}.har`)
})
