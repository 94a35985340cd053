import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, ok } from '../factors/test-support.ts'
import { cardOf, linkOf, typePassword, signedIn, visitAs } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

async function saveIn(page: Page, title: string): Promise<void> {
  const answered = page.waitForResponse((answer) => answer.request().method() === 'PUT')
  await cardOf(page, title).getByRole('button', { name: 'Save' }).click()
  await answered
}

function groundOf(page: Page): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.body).backgroundColor)
}

test('names are saved, and taken away again', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'profile')
  const { page } = visit
  await page.getByLabel('First name').fill('Ada')
  await page.getByLabel('Last name').fill('Lovelace')
  await saveIn(page, 'Name')
  const { firstName, lastName } = ok(await person.get('/v1/users/me'))
  assert.deepEqual([firstName, lastName], ['Ada', 'Lovelace'])
  await page.getByLabel('Last name').fill('')
  await saveIn(page, 'Name')
  assert.equal(ok(await person.get('/v1/users/me')).lastName, undefined)
})

test('the theme that somebody chose holds at once and over a reload, whatever the system says', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'profile')
  const { page } = visit
  await page.emulateMedia({ colorScheme: 'light' })
  const light = await groundOf(page)
  const card = cardOf(page, 'Console')
  await card.getByLabel('Theme').selectOption('dark')
  await card.getByLabel('Language').fill('de')
  await saveIn(page, 'Console')
  await page.locator(':root[data-theme=dark]').waitFor()
  const dark = await groundOf(page)
  assert.notEqual(dark, light)
  await page.reload()
  await cardOf(page, 'You').getByText('20.11.2026').first().waitFor()
  assert.equal(await groundOf(page), dark)
})

test('preferences of browsers and of the fleet are saved, and refused at their field', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'profile')
  const { page } = visit
  const browsers = cardOf(page, 'Browsers')
  await browsers.getByLabel('Width in pixels').fill('10')
  await browsers.getByLabel('Height in pixels').fill('600')
  await saveIn(page, 'Browsers')
  await browsers.locator('[aria-invalid=true]').waitFor()
  assert.equal(await browsers.getByLabel('Width in pixels').getAttribute('aria-invalid'), 'true')
  await browsers.getByLabel('Width in pixels').fill('1024')
  await saveIn(page, 'Browsers')
  const fleet = cardOf(page, 'Machines of the fleet')
  await fleet.getByLabel('Region').fill('eu-west-1')
  await fleet.getByLabel('Terminate when idle').check()
  await saveIn(page, 'Machines of the fleet')
  const { browserPreferences, ec2Preferences } = ok(await person.get('/v1/users/settings'))
  assert.deepEqual(browserPreferences.defaultViewport, { width: 1024, height: 600 })
  assert.deepEqual(ec2Preferences, { preferredRegion: 'eu-west-1', terminateWhenIdle: true })
})

test('a picture is looked at before it is sent, shown after that, and removed', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'profile')
  const { page, complaints } = visit
  const background = { r: 200, g: 20, b: 20 }
  const buffer = await sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer()
  const card = cardOf(page, 'Picture')
  await card.getByLabel('File').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer })
  await card.getByRole('img', { name: 'The new picture' }).waitFor()
  await card.getByRole('button', { name: 'Save the picture' }).click()
  const shown = card.getByRole('img', { name: 'Your picture' })
  await shown.waitFor()
  await page.waitForFunction(() => {
    const picture = document.querySelector<HTMLImageElement>('.picture img')
    return picture?.complete && picture.naturalWidth === 512
  })
  await card.getByRole('button', { name: 'Remove' }).click()
  await shown.waitFor({ state: 'detached' })
  assert.equal(ok(await person.get('/v1/users/me')).avatarUrl, undefined)
  assert.deepEqual(complaints, [])
})

test('somebody leaves from the page, and comes back by the link of the mail', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'profile')
  const { page } = visit
  await page.getByRole('button', { name: 'Delete my user' }).click()
  const sure = page.getByRole('dialog', { name: 'Delete your user?' })
  await sure.getByRole('button', { name: 'Delete my user' }).click()
  await page.getByRole('button', { name: 'Good-bye' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()

  const mail = await app.mailTo(person.email, 'account_deletion')
  await using back = await browser.visit(linkOf(world, mail))
  await back.page.getByRole('button', { name: 'Restore my user' }).click()
  await back.page.getByText('You are back').waitFor()
  await back.page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await typePassword(back.page, person)
  await signedIn(back.page, person)
})
