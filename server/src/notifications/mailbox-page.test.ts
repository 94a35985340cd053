import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp, type TestApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { linkTo, sendMail } from './index.ts'

const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

function openMails(app: TestApp, viewport = { width: 1280, height: 800 }) {
  return browser.visit(`${app.url}/console/mails.html`, { viewport })
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
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('E-mail').fill(root.email)
  await page.getByLabel('Password', { exact: true }).fill(root.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('link', { name: '/console/mails.html' }).click()
  await page.getByRole('button', { name: 'Invitation to Shop' }).click()
  await page.locator('#text').getByRole('link').waitFor()
  const frame = page.frameLocator('#preview')
  await frame.getByRole('link', { name: 'See the invitation' }).waitFor()
  await page.getByRole('button', { name: 'Delete all' }).click()
  await page.getByText('No mail yet.').waitFor()
})
