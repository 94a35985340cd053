import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, test } from 'node:test'
import pino from 'pino'
import { chromium } from 'playwright-core'
import { findChromium } from '#browsers/index.ts'
import { openHome } from '#kernel/home.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { startApp, type TestApp } from '#test/app.ts'
import { makeDirectory } from '#test/directory.ts'
import { linkTo, sendMail } from './index.ts'

const browser = await openBrowser()
after(() => browser.close())

async function openBrowser() {
  const directory = await makeDirectory('gantry-mails')
  after(() => rm(directory, { recursive: true, force: true }))
  const users = await findUsers(['browser'])
  const home = await openHome({ wanted: directory, checkout: directory, users })
  const log = pino({ level: 'silent' })
  const { path, environment } = await findChromium({ home, user: users.browser, log, env: {} })
  return chromium.launch({ executablePath: path, env: { ...environment } })
}

/** The page, and what the browser had to complain about. */
async function openMails(app: TestApp, viewport = { width: 1280, height: 800 }) {
  const context = await browser.newContext({ viewport })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(`${app.url}/console/mails.html`)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

async function post(app: TestApp) {
  const { ctx, email: to } = await app.superAdmin()
  const values = {
    ...{ link: linkTo(ctx, 'invitation', 'token-93'), role: 'member', expiresInHours: 72 },
    ...{ inviter: '<script>document.title = "evil"</script>', account: 'Shop' },
  }
  await sendMail(ctx, { to, template: 'invitation', values })
  return app.mailTo(to)
}

test('in development the page lists the mails, shows text and HTML, and empties the mailbox', async () => {
  await using app = await startApp({ env: { NODE_ENV: 'development' } })
  const mail = await post(app)
  await using visit = await openMails(app, { width: 320, height: 640 })
  const { page, complaints } = visit
  await page.getByText(mail.to).waitFor()
  await page.getByRole('button', { name: 'Invitation to Shop' }).click()
  const link = page.locator('#text').getByRole('link')
  assert.equal(await link.getAttribute('href'), mail.link)
  const frame = page.frameLocator('#preview')
  await frame.getByRole('link', { name: 'See the invitation' }).waitFor()
  assert.match((await frame.locator('body').textContent())!, /<script>document\.title/)
  assert.equal(await page.title(), 'Mails · Gantry')
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320)

  await page.getByRole('button', { name: 'Delete all' }).click()
  await page.getByText('No mail yet.').waitFor()
  assert.deepEqual(complaints, [])
})

test('elsewhere a super-admin signs in to read them, and the console leads there', async () => {
  await using app = await startApp()
  const mail = await post(app)
  const root = await app.superAdmin()
  await using visit = await openMails(app)
  const { page } = visit
  await page.getByText('No development mailbox is here for you').waitFor()
  assert.equal(await page.getByText(mail.to).count(), 0)
  await page.getByLabel('E-mail').fill(root.email)
  await page.getByLabel('Password').fill(root.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Invitation to Shop' }).click()
  await page.locator('#text').getByRole('link').waitFor()

  await page.goto(app.url)
  await page.getByRole('link', { name: '/console/mails.html' }).click()
  await page.getByRole('heading', { name: 'Development mailbox' }).waitFor()
})
