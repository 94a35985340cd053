import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { appoint } from '#test/accounts.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, ok } from '../factors/test-support.ts'
import { addressOf, goTo, NEW_PASSWORD, signedIn, typePassword } from './test-support.ts'

const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

test('the first super-admin of a machine that others reach sets up a second factor before anything else', async () => {
  await using world = await FactorApp.start({
    ...{ HOST: '0.0.0.0', TRUSTED_PROXIES: '127.0.0.0/8', EGRESS_ALLOW: '' },
  })
  const { app } = world
  const here = `http://127.0.0.1:${new URL(app.url).port}`
  const link = await app.app.identity.createBootstrapLink(app.app.systemContext(), here)
  const extraHTTPHeaders = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
  await using visit = await browser.visit(link!, { extraHTTPHeaders })
  const { page } = visit
  const email = 'root@example.test'
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Make the super-admin' }).click()

  const heading = page.getByRole('heading', { name: 'Set up a second factor' })
  await heading.waitFor()
  await page.getByRole('img', { name: 'QR code' }).waitFor()
  assert.ok((await page.locator('.qr path').getAttribute('d'))!.length > 1000)
  for (const elsewhere of ['', 'profile', 'api-keys']) {
    await goTo(page, elsewhere)
    await page.waitForFunction(() => location.hash === '#second-factor')
    await heading.waitFor()
  }
  assert.equal(await page.getByRole('navigation', { name: 'Your account' }).count(), 0)

  await page.reload()
  const secret = (await page.locator('.secret').textContent())!.replaceAll(' ', '')
  await page.getByLabel('Code that the app shows').fill(world.phoneOf(secret).code())
  await page.getByRole('button', { name: 'Confirm the code' }).click()
  await page.getByRole('heading', { name: 'Keep your backup codes' }).waitFor()
  assert.equal(await page.locator('.codes li').count(), 10)
  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  assert.equal((await downloading).suggestedFilename(), 'gantry-backup-codes.txt')
  await page.getByRole('button', { name: 'I kept them' }).click()
  await page.getByRole('heading', { name: 'Security', level: 1 }).waitFor()
  await goTo(page, 'api-keys')
  await page.getByText('No key yet.').waitFor()
})

test('whoever must have a factor may begin with a passkey as well', async () => {
  await using world = await FactorApp.start()
  const { app } = world
  const root = await app.superAdmin()
  const ann = await app.person()
  await appoint(app, ann, 'support')
  ok(await root.put('/v1/admin/config', { 'identity.second_factor_roles': ['support'] }))
  await using visit = await browser.visit(`${addressOf(world)}/#sign-in`)
  const { page } = visit
  await visit.giveAuthenticator()
  await typePassword(page, ann)
  await page.getByText('demands a second factor').waitFor()
  await page.getByLabel('Name of the new passkey').fill('blue key')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('button', { name: 'I kept them' }).click()
  await page.getByRole('link', { name: 'Profile' }).click()
  await page.getByRole('heading', { name: 'Profile', level: 1 }).waitFor()
})

test('a loopback installation asks its first super-admin for nothing, and shows what to do next', async () => {
  await using world = await FactorApp.start()
  const { app } = world
  const link = await app.app.identity.createBootstrapLink(app.app.systemContext(), app.url)
  await using visit = await browser.visit(link!)
  const { page } = visit
  const email = page.getByLabel('E-mail')
  const password = page.getByLabel('Password', { exact: true })
  const send = page.getByRole('button', { name: 'Make the super-admin' })
  await page.locator('input:focus').waitFor()
  assert.ok(await email.evaluate((it) => it.matches(':focus')))
  assert.equal(page.url(), `${app.url}/#setup`)

  await send.click()
  assert.equal(await page.getByText('Fill this in.').count(), 2)
  await email.fill('not an address')
  await password.fill('short')
  await send.click()
  await page.getByText('Must be an e-mail address.').waitFor()
  await page.getByText('Must have at least 15 characters').waitFor()
  assert.equal(await password.getAttribute('aria-invalid'), 'true')

  await email.fill('root@example.test')
  await password.fill(NEW_PASSWORD)
  await send.click()
  const done = page.getByRole('heading', { name: 'You run this Gantry now' })
  await done.waitFor()
  await signedIn(page, { email: 'root@example.test' })
  await page.getByRole('link', { name: 'Take your first screenshot' }).click()
  await page.getByText('auth/login').waitFor()
  assert.match((await page.locator('#sign-in').textContent())!, /auth\/login[^]*root@example\.test/)
  const body = { email: 'root@example.test', password: NEW_PASSWORD }
  const answer = ok(await app.request('POST', '/v1/auth/login', { body }))
  assert.ok(answer.user.roles.includes('super-admin'))

  await using again = await browser.visit(link!)
  await again.page.getByLabel('E-mail').fill('second@example.test')
  await again.page.getByLabel('Password', { exact: true }).fill(NEW_PASSWORD)
  await again.page.getByRole('button', { name: 'Make the super-admin' }).click()
  const alert = again.page.getByRole('alert')
  await alert.getByText('That link makes no super-admin any more').waitFor()
  await alert.getByText('gantry admin create').waitFor()
})
