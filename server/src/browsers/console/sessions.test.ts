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

function focused(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.textContent)
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
  await cardOf(page, 'Live view').getByText('The session has ended: as somebody asked.').waitFor()
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
  await clickPage(page, 100, 120)
  await page.getByText('ask for it, and wait').waitFor()
  const held = await ann.get(`/v1/sessions/${id}/control`)
  assert.deepEqual(held.body.requests, [], 'a click waits for nothing')
  await page.getByRole('button', { name: 'Ask for control' }).press('Enter')
  await page.getByText('you are next').waitFor()
  assert.equal(await focused(page), 'Stop waiting')
  await ann.delete(`/v1/sessions/${id}/control`, program)
  await page.getByText('You have control').waitFor()
  assert.equal(await focused(page), 'Return control')
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

test('what is held down in the picture is let go wherever that happens', async () => {
  const ann = await app.person()
  await using site = await serveHtml(`<title>A shop</title><body style="height:600px"><script>
    onmouseup = () => document.title = 'The mouse is up'
    onkeyup = ({ key }) => document.title = key + ' is up'</script>`)
  const { id } = (await ann.post('/v1/sessions', {})).body
  await ann.post(`/v1/sessions/${id}/navigate`, { url: site.url })
  await using visit = await visitAs(browser, app, ann, `session/${id}`)
  const { page } = visit
  await page.getByRole('button', { name: 'Take control' }).click()
  await page.getByText('You have control').waitFor()
  await eventually('the page is painted', () => isPainted(page))
  await page.locator('canvas').scrollIntoViewIfNeeded()
  const { x, y } = (await page.locator('canvas').boundingBox())!
  await page.mouse.move(x + 100, y + 100)
  await page.mouse.down()
  await page.mouse.move(x + 100, y - 50)
  await page.mouse.up()
  await page.getByRole('heading', { name: 'The mouse is up' }).waitFor()
  await page.keyboard.down('q')
  await page.getByLabel('Go to').focus()
  await page.getByRole('heading', { name: 'q is up' }).waitFor()
  await ann.delete(`/v1/sessions/${id}`)
})

test('a finger that only watches moves the page of the console, and a tap takes control', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions', {})).body
  await ann.post(`/v1/sessions/${id}/navigate`, { url: pages.url })
  const options = { viewport: { width: 360, height: 740 }, hasTouch: true }
  await using visit = await visitAs(browser, app, ann, `session/${id}`, options)
  const { page } = visit
  await page.getByText('Nobody has control').waitFor()
  const isLeft = await page.locator('canvas').evaluate((canvas) => {
    const touch = new Event('touchstart', { bubbles: true, cancelable: true })
    return canvas.dispatchEvent(Object.assign(touch, { touches: [] }))
  })
  assert.ok(isLeft, 'the start of a move is left to the page')
  await page.locator('canvas').tap()
  await page.getByText('You have control').waitFor()
  await ann.delete(`/v1/sessions/${id}`)
})

test('an answer that somebody writes to a dialog stays while pages come and go', async () => {
  const ann = await app.person()
  await using visit = await visitAs(browser, app, ann, 'sessions')
  const { page } = visit
  const answer = await page.evaluate(async (module: string) => {
    const { dialogBar } = await import(module)
    const bar = dialogBar(() => undefined)
    const dialog = { type: 'prompt', message: 'Your name?', text: '' }
    const first = { page: 1, title: 'A shop', dialog }
    bar.hear({ type: 'hello', pages: [first], watching: 1 })
    const input = bar.place.querySelector('input')
    input.value = 'Zoë'
    bar.hear({ type: 'pages', pages: [first, { page: 2, title: 'Another' }], watching: 1 })
    return bar.place.querySelector('input').value
  }, '/console/sessions/dialog-bar.js')
  assert.equal(answer, 'Zoë')
})

test('a browser that is open is listed after however many that have ended since', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions', {})).body
  await using visit = await visitAs(browser, app, ann, 'profile')
  const { page } = visit
  const newest = { items: [] }
  await page.route('**/api/v1/sessions?limit=50', (route) => route.fulfill({ json: newest }))
  await goTo(page, 'sessions')
  await page.locator(`a[href="#session/${id}"]`).waitFor()
  await ann.delete(`/v1/sessions/${id}`)
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
