import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'

const app = await startApp({ env: { NODE_ENV: 'development' } })
after(() => app[Symbol.asyncDispose]())
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

test('the console shows live health, and commands with the address of this server', async () => {
  await using visit = await browser.visit(`${app.url}/`)
  const { page, complaints } = visit
  await page.getByText('Everything works').waitFor()
  for (const name of ['database', 'objects', 'queue', 'events']) {
    const row = page.getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) })
    assert.match((await row.textContent())!, /✓ ok/, name)
  }
  const commands = await page.locator('pre code').allTextContents()
  assert.equal(commands.length, 3)
  for (const command of commands) assert.ok(command.includes(`${app.url}/api/v1/`), command)
  assert.deepEqual(complaints, [])
})

test('the commands of the console are good ones: the first makes an account', async () => {
  await using visit = await browser.visit(`${app.url}/`)
  const command = await visit.page.locator('#sign-in').textContent()
  const body = /-d '([^']*)'/.exec(command!)![1]!
  const answer = await app.request('POST', '/v1/auth/register', { body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
})

test('a command is copied by its button', async () => {
  await using visit = await browser.visit(`${app.url}/`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const { page } = visit
  await page.locator('[data-copies=open-page]').click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  assert.equal(copied, await page.locator('#open-page').textContent())
})

test('the API reference renders from this server alone', async () => {
  await using visit = await browser.visit(`${app.url}/api/docs`)
  const { page, complaints } = visit
  await page.getByRole('heading', { name: 'Gantry', exact: true }).waitFor()
  await page
    .getByText('Register a user with an account of their own, and sign in')
    .first()
    .waitFor()
  assert.deepEqual(complaints, [])
})

test('the error catalogue opens at the code that a problem names', async () => {
  await using visit = await browser.visit(`${app.url}/api/docs/errors#auth.unauthenticated`)
  const { page, complaints } = visit
  await page.locator('article:target').getByText('Sign in first').waitFor()
  assert.deepEqual(complaints, [])
})

test('no page is wider than a small telephone, in light and in dark', async () => {
  const viewport = { width: 320, height: 640 }
  const looks = [
    ...[
      { place: '', colorScheme: 'light' },
      { place: '', colorScheme: 'dark' },
    ],
    ...[
      { place: '#setup=token', colorScheme: 'light' },
      { place: '#sign-in', colorScheme: 'dark' },
    ],
    ...[{ place: '#invitation=token', colorScheme: 'light' }],
  ] as const
  for (const { place, colorScheme } of looks) {
    await using visit = await browser.visit(`${app.url}/${place}`, { colorScheme, viewport })
    const shown = place === '' ? '#overall[data-status=ok]' : '#view form'
    await visit.page.locator(shown).first().waitFor()
    const width = await visit.page.evaluate(() => document.documentElement.scrollWidth)
    assert.equal(width, 320, `${place} ${colorScheme}`)
    assert.deepEqual(visit.complaints, [])
  }
})
