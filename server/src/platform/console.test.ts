import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, test } from 'node:test'
import { generateSync } from 'otplib'
import pino from 'pino'
import { type BrowserContextOptions, chromium } from 'playwright-core'
import { findChromium } from '#browsers/index.ts'
import { openHome } from '#kernel/home.ts'
import { eventually } from '#kernel/test-support.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { startApp } from '#test/app.ts'
import { makeDirectory } from '#test/directory.ts'

const app = await startApp({ env: { NODE_ENV: 'development' } })
after(() => app[Symbol.asyncDispose]())
const browser = await openBrowser()
after(() => browser.close())

async function openBrowser() {
  const directory = await makeDirectory('gantry-console')
  after(() => rm(directory, { recursive: true, force: true }))
  const users = await findUsers(['browser'])
  const home = await openHome({ wanted: directory, checkout: directory, users })
  const log = pino({ level: 'silent' })
  const { path, environment } = await findChromium({ home, user: users.browser, log, env: {} })
  return chromium.launch({ executablePath: path, env: { ...environment } })
}

/** A page, and what a visitor's browser had to complain about: errors, blocked content, calls to other hosts. */
async function open(path: string, options: BrowserContextOptions = {}, host = '127.0.0.1') {
  const here = app.url.replace('127.0.0.1', host)
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(here) && !url.startsWith('data:')) complaints.push(url)
  })
  page.setDefaultTimeout(10_000)
  await page.goto(here + path)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

test('the console shows live health, and commands with the address of this server', async () => {
  await using visit = await open('/')
  const { page, complaints } = visit
  await page.getByText('Everything works').waitFor()
  for (const name of ['database', 'objects', 'queue', 'events']) {
    const row = page.getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) })
    assert.match((await row.textContent())!, /✓ ok/, name)
  }
  const commands = await page.locator('pre code').allTextContents()
  assert.equal(commands.length, 3)
  for (const command of commands) assert.ok(command.includes(`${app.url}/api/v1/`), command)
  assert.equal(await page.locator('#setup').isVisible(), false)
  assert.deepEqual(complaints, [])
})

test('the commands of the console are good ones: the first makes an account', async () => {
  await using visit = await open('/')
  const command = await visit.page.locator('#sign-in').textContent()
  const body = /-d '([^']*)'/.exec(command!)![1]!
  const answer = await app.request('POST', '/v1/auth/register', { body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
})

test('a command is copied by its button', async () => {
  await using visit = await open('/', { permissions: ['clipboard-read', 'clipboard-write'] })
  const { page } = visit
  await page.locator('[data-copies=open-page]').click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  assert.equal(copied, await page.locator('#open-page').textContent())
})

test('the one-time link makes the first super-admin, after telling what is wrong with each field', async () => {
  const link = await app.app.identity.createBootstrapLink(app.app.systemContext(), app.url)
  await using visit = await open(link!.slice(app.url.length))
  const { page } = visit
  const email = page.getByLabel('E-mail')
  const password = page.getByLabel('Password', { exact: true })
  const send = page.getByRole('button', { name: 'Make the super-admin' })
  await eventually('the form has the focus', () => email.evaluate((it) => it.matches(':focus')))

  await send.click()
  await page.getByText('Choose a password.').waitFor()
  await email.fill('not an address')
  await password.fill('short')
  await send.click()
  await page.getByText('Must be an e-mail address.').waitFor()
  await page.getByText('Must have at least 15 characters').waitFor()
  assert.equal(await password.getAttribute('aria-invalid'), 'true')

  await email.fill('root@example.test')
  await password.fill('quiet harbour of nine lanterns')
  await send.click()
  const done = page.getByRole('heading', { name: 'You run this Gantry now' })
  await done.waitFor()
  assert.ok(await done.evaluate((it) => it.matches(':focus')))
  assert.equal(page.url(), `${app.url}/`)
  assert.match((await page.locator('#sign-in').textContent())!, /auth\/login[^]*root@example\.test/)
  const body = { email: 'root@example.test', password: 'quiet harbour of nine lanterns' }
  const answer = await app.request('POST', '/v1/auth/login', { body })
  assert.deepEqual(answer.body.user.roles.includes('super-admin'), true)

  await using again = await open(link!.slice(app.url.length))
  await again.page.getByLabel('E-mail').fill('second@example.test')
  await again.page.getByLabel('Password', { exact: true }).fill('quiet harbour of nine lanterns')
  await again.page.getByRole('button', { name: 'Make the super-admin' }).click()
  const alert = again.page.getByRole('alert')
  await alert.getByText('That link makes no super-admin any more').waitFor()
  await alert.getByText('gantry admin create').waitFor()
})

for (const host of ['127.0.0.1', 'localhost']) {
  test(`a person signs in at ${host}, stays so over a reload and an ended token, and signs out`, async () => {
    const { email, password } = await app.person()
    await using visit = await open('/#sign-in', {}, host)
    const { page } = visit
    await page.locator('#account-email').fill(email)
    await page.locator('#account-password').fill('not the right password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('do not match').waitFor()
    await page.locator('#account-password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const leave = page.getByRole('button', { name: `Sign out ${email}` })
    await leave.waitFor()

    const cookies = await page.context().cookies()
    const access = cookies.find(({ name }) => name === '__Host-gantry_session')!
    assert.deepEqual([access.secure, access.httpOnly, access.sameSite], [true, true, 'Strict'])
    const seen = await page.evaluate(() => document.cookie)
    assert.match(seen, /^__Host-gantry_csrf=[\w-]{43}$/)
    await page.context().clearCookies({ name: '__Host-gantry_session' })
    await page.reload()
    await leave.waitFor()

    await leave.click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    assert.deepEqual(await page.context().cookies(), [])
  })
}

test('a person with an authenticator app signs in with its code', async () => {
  const { email, password, post } = await app.person()
  const { secret } = (await post('/v1/auth/2fa/enroll', {})).body
  const nowSeconds = Date.now() / 1000
  const codes = [0, 30].map((later) => generateSync({ secret, epoch: nowSeconds + later }))
  assert.equal((await post('/v1/auth/2fa/verify', { code: codes[0] })).status, 200)
  await using visit = await open('/#sign-in')
  const { page } = visit
  await page.locator('#account-email').fill(email)
  await page.locator('#account-password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('#account-code').fill(codes[0]!)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('That code is not right').waitFor()
  await page.locator('#account-code').fill(codes[1]!)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
})

test('T43: a page of another origin makes nobody do anything, signed in or not', async () => {
  const { email, password } = await app.person()
  await using visit = await open('/#sign-in')
  const { page } = visit
  await page.locator('#account-email').fill(email)
  await page.locator('#account-password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
  const foreign = await page.context().newPage()
  await foreign.goto(`${app.url.replace('127.0.0.1', 'localhost')}/health/live`)
  await foreign.evaluate(async (url) => {
    const body = JSON.stringify({ firstName: 'Mallory' })
    for (const type of ['text/plain', 'application/json']) {
      const headers = { 'content-type': type }
      const options = { method: 'PUT', credentials: 'include', body, headers } as const
      await fetch(`${url}/api/v1/users/me`, options).catch(() => undefined)
      await fetch(`${url}/api/v1/auth/logout`, {
        ...options,
        method: 'POST',
        mode: 'no-cors',
      }).catch(() => undefined)
    }
  }, app.url)
  await page.reload()
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
  const { firstName } = await page.evaluate(async () => (await fetch('/api/v1/users/me')).json())
  assert.equal(firstName, undefined)
})

test('the link of a mail sets a new password, once, and says so', async () => {
  const { email } = await app.person()
  await app.request('POST', '/v1/auth/forgot-password', { body: { email } })
  const { link } = await app.mailTo(email, 'reset_password')
  await using visit = await open(link!.slice(app.url.length))
  const { page } = visit
  assert.equal(page.url(), `${app.url}/#reset-password`)
  const send = page.getByRole('button', { name: 'Set the password' })
  await page.getByRole('textbox', { name: 'New password' }).fill('short')
  await send.click()
  await page.getByRole('alert').getByText('at least 15 characters').waitFor()
  await page.getByRole('textbox', { name: 'New password' }).fill('quiet harbour of nine lanterns')
  await send.click()
  await page.getByText('Your new password holds').waitFor()
  const body = { email, password: 'quiet harbour of nine lanterns' }
  assert.equal((await app.request('POST', '/v1/auth/login', { body })).status, 200)

  await using again = await open(link!.slice(app.url.length))
  await again.page
    .getByRole('textbox', { name: 'New password' })
    .fill('quiet harbour of nine lanterns')
  await again.page.getByRole('button', { name: 'Set the password' }).click()
  await again.page.getByRole('alert').getByText('does not work any more').waitFor()
})

test('the link of a mail proves an address, and not before the button is pressed', async () => {
  const ann = await app.person('ann', { verified: false })
  const { link } = await app.mailTo(ann.email, 'verify_email')
  await using visit = await open(link!.slice(app.url.length))
  const isProven = async () => (await ann.get('/v1/users/me')).body.emailVerified
  const confirm = visit.page.getByRole('button', { name: 'Confirm the address' })
  await confirm.waitFor()
  assert.equal(await isProven(), false)
  await confirm.click()
  await visit.page.getByText('Your address is confirmed').waitFor()
  assert.equal(await isProven(), true)
})

test('the API reference renders from this server alone', async () => {
  await using visit = await open('/api/docs')
  const { page, complaints } = visit
  await page.getByRole('heading', { name: 'Gantry', exact: true }).waitFor()
  await page
    .getByText('Register a user with an account of their own, and sign in')
    .first()
    .waitFor()
  assert.deepEqual(complaints, [])
})

test('the error catalogue opens at the code that a problem names', async () => {
  await using visit = await open('/api/docs/errors#auth.unauthenticated')
  const { page, complaints } = visit
  await page.locator('article:target').getByText('Sign in first').waitFor()
  assert.deepEqual(complaints, [])
})

test('no page is wider than a small telephone, in light and in dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const path of ['/#setup=token', '/#sign-in']) {
      await using visit = await open(path, { colorScheme, viewport: { width: 320, height: 640 } })
      await visit.page.getByText('Everything works').waitFor()
      const width = await visit.page.evaluate(() => document.documentElement.scrollWidth)
      assert.equal(width, 320, colorScheme)
      assert.deepEqual(visit.complaints, [])
    }
  }
})
