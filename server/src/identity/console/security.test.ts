import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, MINUTE_MS, ok } from '../factors/test-support.ts'
import { cardOf, goTo, NEW_PASSWORD, signedIn, typePassword, visitAs } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

/** Longer than a proof counts, shorter than an access token does. */
const STALE_MS = 6 * MINUTE_MS

test('a call that asks for a fresh proof opens one dialog, and is made again after it', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'second-factor')
  const { page } = visit
  clock.advance(STALE_MS)
  const calls: string[] = []
  page.on('request', (request) => calls.push(new URL(request.url()).pathname))
  const begin = page.getByRole('button', { name: 'Set up an app' })
  const dialog = page.getByRole('dialog', { name: 'Prove again that it is you' })

  await begin.click()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('alert').getByText('Prove again who you are').waitFor()
  await begin.click()
  const password = dialog.getByLabel('Password', { exact: true })
  assert.ok(await password.evaluate((it) => it.matches(':focus')))
  await password.fill('not the right password')
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.getByText('That is not your password').waitFor()
  await password.fill(person.password)
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('img', { name: 'QR code' }).waitFor()
  assert.equal(await dialog.count(), 0)
  const enrolments = calls.filter((path) => path === '/api/v1/auth/2fa/enroll')
  assert.equal(enrolments.length, 3)
})

test('a passkey proves again who it is, and so does a code', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'security')
  const { page } = visit
  await visit.giveAuthenticator()
  const passkeys = cardOf(page, 'Passkeys')
  const name = passkeys.getByLabel('Name of the new passkey')
  await name.fill('blue key')
  await passkeys.getByRole('button', { name: 'Add a passkey' }).click()
  const codes = page.getByRole('dialog', { name: 'Your first second factor' })
  const code = await codes.locator('.codes code').first().textContent()
  await codes.getByRole('button', { name: 'I kept them' }).click()
  await passkeys.getByText('blue key', { exact: true }).waitFor()

  const dialog = page.getByRole('dialog', { name: 'Prove again that it is you' })
  clock.advance(STALE_MS)
  await page.getByRole('button', { name: 'Remove blue key' }).click()
  await page.getByRole('button', { name: 'Remove it' }).click()
  await dialog.getByRole('button', { name: 'Use a code' }).click()
  await dialog.getByLabel('Code', { exact: true }).fill('ABCD-EFGH-JKMN-PQRS')
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.getByText('That code is not right').waitFor()
  await dialog.getByLabel('Code', { exact: true }).fill(code!)
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await passkeys.getByText('No passkey yet.').waitFor()

  await name.fill('red key')
  await passkeys.getByRole('button', { name: 'Add a passkey' }).click()
  await codes.getByRole('button', { name: 'I kept them' }).click()
  await passkeys.getByText('red key', { exact: true }).waitFor()
  clock.advance(STALE_MS)
  await page.getByRole('button', { name: 'Make new ones' }).click()
  await dialog.getByRole('button', { name: 'Use a passkey' }).click()
  await dialog.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByRole('heading', { name: 'Keep your backup codes' }).waitFor()
})

test('what a passkey answered to another question proves nothing again', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person)
  await visit.giveAuthenticator()
  const files = { api: '/console/shared/api.js', passkey: '/console/shared/passkey.js' }
  const code = await visit.page.evaluate(async ({ api, passkey }) => {
    const { call } = await import(api)
    const { makePasskey, usePasskey } = await import(passkey)
    await makePasskey('blue key')
    const given = await usePasskey('/auth/passkeys/login/options', {})
    const answer = await call('POST', '/auth/step-up', { passkey: given.body })
    return answer.body.code
  }, files)
  assert.equal(code, 'passkey.refused')
})

test('devices are listed with what they are, and signed out one by one and all', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'security')
  const { page } = visit
  const devices = cardOf(page, 'Signed-in devices')
  const others = devices.getByRole('button', { name: 'Sign out Node.js' })
  await devices.getByText('this device').waitFor()
  await others.click()
  await others.waitFor({ state: 'detached' })
  assert.equal((await person.get('/v1/users/me')).status, 401)
  await devices.getByText('this device').waitFor()

  await devices.getByRole('button', { name: 'Sign out everywhere' }).click()
  const sure = page.getByRole('dialog', { name: 'Sign out everywhere?' })
  await sure.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
  await typePassword(page, person)
  await goTo(page, 'security')
  await cardOf(page, 'Who signed in, or tried to').getByText('signed in').first().waitFor()
})

test('a new password signs out the others and leaves this device signed in', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'security')
  const { page } = visit
  const card = cardOf(page, 'Password')
  await card.getByLabel('Present password', { exact: true }).fill('not the right password')
  await card.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD)
  await card.getByRole('button', { name: 'Change the password' }).click()
  await card.getByText('That is not your password').waitFor()
  await card.getByLabel('Present password', { exact: true }).fill(person.password)
  await card.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your new password holds').waitFor()
  await page.reload()
  await signedIn(page, person)
  assert.equal((await person.get('/v1/users/me')).status, 401)
})

test('an authenticator app is turned off by its code', async () => {
  const { person, phone } = await world.protectedPerson()
  await using visit = await browser.visit(`${app.url}/#sign-in`)
  const { page } = visit
  await typePassword(page, person)
  await page.getByLabel('Code', { exact: true }).fill(phone.code())
  await page.getByLabel('Do not ask on this device').check()
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await signedIn(page, person)
  await goTo(page, 'security')
  await page.getByRole('button', { name: 'Forget Chrome on Linux' }).click()
  await page.getByText('No device is remembered.').waitFor()
  clock.advance(MINUTE_MS)
  await page.getByRole('button', { name: 'Turn off' }).click()
  const dialog = page.getByRole('dialog', { name: 'Turn off the authenticator app' })
  await dialog.getByLabel('Code', { exact: true }).fill(phone.code())
  await dialog.getByRole('button', { name: 'Turn off' }).click()
  await cardOf(page, 'Second factor').getByText('Not set up.').waitFor()
  assert.equal(ok(await world.login(person)).secondFactorRequired, undefined)
})

test('a new address is asked for with the password, and its mail goes there', async () => {
  const person = await app.person()
  const newEmail = `${app.unique('moved')}@example.test`
  await using visit = await visitAs(browser, world, person, 'security')
  const card = cardOf(visit.page, 'E-mail address')
  await card.getByLabel('New address').fill(newEmail)
  await card.getByLabel('Password', { exact: true }).fill(person.password)
  await card.getByRole('button', { name: 'Change the address' }).click()
  await visit.page.getByText('A link is on its way to the new address').waitFor()
  assert.match((await app.mailTo(newEmail)).link!, /#confirm-email=/)
})
