import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { found } from '#test/accounts.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, MINUTE_MS, ok } from '../factors/test-support.ts'
import { addressOf, linkOf, NEW_PASSWORD, signedIn, typePassword, visitAs } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

for (const host of ['127.0.0.1', 'localhost']) {
  test(`a person signs in at ${host}, stays so over a reload and an ended token, and signs out`, async () => {
    const person = await app.person()
    await using visit = await browser.visit(`${app.url.replace('127.0.0.1', host)}/#sign-in`)
    const { page, context } = visit
    await typePassword(page, { ...person, password: 'not the right password' })
    const alert = page.getByRole('alert')
    await alert.getByText('do not match').waitFor()
    assert.doesNotMatch((await alert.textContent())!, /\/v1\//)
    await typePassword(page, person)
    await signedIn(page, person)

    const cookies = await context.cookies()
    const access = cookies.find(({ name }) => name === '__Host-gantry_session')!
    assert.deepEqual([access.secure, access.httpOnly, access.sameSite], [true, true, 'Strict'])
    const seen = await page.evaluate(() => document.cookie)
    assert.match(seen, /^__Host-gantry_csrf=[\w-]{43}$/)
    await context.clearCookies({ name: '__Host-gantry_session' })
    await page.reload()
    await signedIn(page, person)

    await page.getByRole('button', { name: `Sign out ${person.email}` }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    assert.deepEqual(await context.cookies(), [])
  })
}

test('somebody new hears while typing what a password lacks, and of the server why it is weak', async () => {
  await using visit = await browser.visit(`${addressOf(world)}/#register`)
  const { page, complaints } = visit
  const email = `${app.unique('new')}@example.test`
  await page.getByLabel('E-mail').fill(email)
  const password = page.getByLabel('Password', { exact: true })
  await password.pressSequentially('abcdef')
  await page.getByText('9 more characters to go').waitFor()
  assert.deepEqual(complaints, [])
  await password.fill('aaaaaaaaaaaaaaaaaaaaaa')
  await page.getByText('✓ Long enough').waitFor()
  await page.getByRole('button', { name: 'Make the account' }).click()
  await page.getByText('easy to guess').first().waitFor()
  assert.equal(await password.getAttribute('aria-invalid'), 'true')
  assert.ok(await password.evaluate((it) => it.matches(':focus')))
  await password.fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Make the account' }).click()
  await signedIn(page, { email })
})

test('a form tells of the length that an admin demands', async () => {
  const root = await app.superAdmin()
  const name = 'identity.password_min_length'
  ok(await root.put('/v1/admin/config', { [name]: 20 }))
  try {
    await using visit = await browser.visit(`${addressOf(world)}/#register`)
    const { page } = visit
    await page.getByText('At least 20 characters.').waitFor()
    await page.getByLabel('Password', { exact: true }).pressSequentially('sixteen letters.')
    await page.getByText('4 more characters to go').waitFor()
  } finally {
    ok(await root.put('/v1/admin/config', { [name]: 15 }))
  }
})

test('what was asked for before the sign-in is shown after it', async () => {
  const person = await app.person()
  await using visit = await browser.visit(`${addressOf(world)}/#api-keys`)
  await typePassword(visit.page, person)
  await visit.page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()
})

test('an authenticator app, a backup code and a remembered device finish a sign-in', async () => {
  const { person, phone, backupCodes } = await world.protectedPerson()
  await using visit = await browser.visit(`${addressOf(world)}/#sign-in`)
  const { page } = visit
  const code = page.getByLabel('Code', { exact: true })
  const finish = page.getByRole('button', { name: 'Sign in', exact: true })
  const leave = page.getByRole('button', { name: `Sign out ${person.email}` })
  await typePassword(page, person)
  await code.fill('000000' === phone.code() ? '000001' : '000000')
  await finish.click()
  await page.getByRole('alert').getByText('That code is not right').waitFor()
  await code.fill(phone.code())
  await finish.click()
  await leave.click()

  await page.getByRole('link', { name: 'Sign in' }).click()
  await typePassword(page, person)
  await code.fill(backupCodes[0]!.toLowerCase())
  await page.getByLabel('Do not ask on this device').check()
  await finish.click()
  await leave.click()

  await page.getByRole('link', { name: 'Sign in' }).click()
  await typePassword(page, person)
  await leave.waitFor()
})

test('a passkey signs in without a password, and as a second factor after one', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'second-factor')
  const { page } = visit
  await visit.giveAuthenticator()
  await page.getByLabel('Name of the new passkey').fill('blue key')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('button', { name: 'I kept them' }).click()
  await page.getByText('blue key', { exact: true }).waitFor()
  const leave = page.getByRole('button', { name: `Sign out ${person.email}` })
  await leave.click()

  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await leave.click()

  await page.getByRole('link', { name: 'Sign in' }).click()
  await typePassword(page, person)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await leave.waitFor()
})

test('at an address that passkeys do not belong to, the page tells which one they do', async () => {
  await using visit = await browser.visit(`${app.url}/#sign-in`)
  await visit.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  const alert = visit.page.getByRole('alert')
  await alert.getByText('Passkeys do not work at this address').waitFor()
  assert.ok((await alert.textContent())!.includes(addressOf(world)))
})

test('T43: a page of another origin makes nobody do anything, signed in or not', async () => {
  const person = await app.person()
  await using visit = await browser.visit(`${app.url}/#sign-in`)
  const { page, context } = visit
  await typePassword(page, person)
  await signedIn(page, person)
  const foreign = await context.newPage()
  await foreign.goto(`${addressOf(world)}/health/live`)
  await foreign.evaluate(async (url) => {
    const body = JSON.stringify({ firstName: 'Mallory' })
    for (const type of ['text/plain', 'application/json']) {
      const headers = { 'content-type': type }
      const options = { method: 'PUT', credentials: 'include', body, headers } as const
      await fetch(`${url}/api/v1/users/me`, options).catch(() => undefined)
      const leaving = { ...options, method: 'POST', mode: 'no-cors' } as const
      await fetch(`${url}/api/v1/auth/logout`, leaving).catch(() => undefined)
    }
  }, app.url)
  await page.reload()
  await signedIn(page, person)
  const { firstName } = await page.evaluate(async () => (await fetch('/api/v1/users/me')).json())
  assert.equal(firstName, undefined)
})

test('a lost password: the page asks for a mail, whose link sets a new one, once', async () => {
  const { email } = await app.person()
  await using visit = await browser.visit(`${addressOf(world)}/#forgot-password`)
  await visit.page.getByLabel('E-mail').fill(email)
  await visit.page.getByRole('button', { name: 'Mail the link' }).click()
  await visit.page.getByText('Look into your mail').waitFor()

  const link = linkOf(world, await app.mailTo(email, 'reset_password'))
  await using reset = await browser.visit(link)
  const { page } = reset
  const password = page.getByLabel('New password', { exact: true })
  const send = page.getByRole('button', { name: 'Set the password' })
  await password.fill('short')
  assert.equal(page.url(), `${addressOf(world)}/#reset-password`)
  await send.click()
  await page.getByText('at least 15 characters;').waitFor()
  await password.fill(NEW_PASSWORD)
  await send.click()
  await page.getByText('Your new password holds').waitFor()
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await typePassword(page, { email, password: NEW_PASSWORD })
  await signedIn(page, { email })

  await using again = await browser.visit(link)
  await again.page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD)
  await again.page.getByRole('button', { name: 'Set the password' }).click()
  await again.page.getByRole('alert').getByText('does not work any more').waitFor()
})

test('the link of a mail proves an address, and not before the button is pressed', async () => {
  const ann = await app.person('ann', { verified: false })
  await using visit = await browser.visit(
    linkOf(world, await app.mailTo(ann.email, 'verify_email')),
  )
  const isProven = async () => (await ann.get('/v1/users/me')).body.emailVerified
  const confirm = visit.page.getByRole('button', { name: 'Confirm the address' })
  await confirm.waitFor()
  assert.equal(await isProven(), false)
  await confirm.click()
  await visit.page.getByText('Your address is confirmed').waitFor()
  assert.equal(await isProven(), true)
})

test('the link of a mail to a new address makes it the one to sign in with', async () => {
  const ann = await app.person()
  const newEmail = `${app.unique('ann-new')}@example.test`
  ok(await ann.post('/v1/auth/change-email', { newEmail, password: ann.password }))
  await using visit = await browser.visit(linkOf(world, await app.mailTo(newEmail)))
  await visit.page.getByRole('button', { name: 'Confirm the new address' }).click()
  await visit.page.getByText('Your new address holds').waitFor()
  assert.equal((await ann.get('/v1/users/me')).body.email, newEmail)
})

test('somebody new accepts an invitation with a password, and acts for the account', async () => {
  const ann = await app.person()
  const accountId = await found(ann, 'Engines')
  const email = `${app.unique('ben')}@example.test`
  ok(await ann.post('/v1/invitations', { email, role: 'member', accountId }))
  await using visit = await browser.visit(linkOf(world, await app.mailTo(email, 'invitation')))
  const { page, context } = visit
  await page.getByLabel('Password', { exact: true }).fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Accept, and make my account' }).click()
  await page.getByRole('heading', { name: 'Members of Engines' }).waitFor()
  await signedIn(page, { email })
  const names = (await context.cookies()).map(({ name }) => name).sort()
  assert.deepEqual(names, ['__Host-gantry_csrf', '__Host-gantry_refresh', '__Host-gantry_session'])
  assert.equal((await ann.get(`/v1/accounts/${accountId}/members`)).body.items.length, 2)
})

test('somebody known signs in first, and accepts as themselves and nobody else', async () => {
  const [ann, ben, eve] = [await app.person(), await app.person('ben'), await app.person('eve')]
  const accountId = await found(ann, 'Engines')
  ok(await ann.post('/v1/invitations', { email: ben.email, role: 'viewer', accountId }))
  const link = linkOf(world, await app.mailTo(ben.email, 'invitation'))
  await using visit = await browser.visit(link)
  const { page } = visit
  await page.getByRole('button', { name: 'Sign in first' }).click()
  await typePassword(page, eve)
  await page.getByRole('button', { name: 'Accept the invitation' }).click()
  await page.getByRole('alert').getByText('for somebody else').waitFor()
  await page.getByRole('button', { name: 'Use another user' }).click()
  await page.getByRole('button', { name: 'Sign in first' }).click()
  await typePassword(page, ben)
  await page.getByRole('button', { name: 'Accept the invitation' }).click()
  await page.getByRole('heading', { name: 'Members of Engines' }).waitFor()
  const { items } = ok(await ann.get(`/v1/accounts/${accountId}/members`))
  const members = items.map(({ email }: { email: string }) => email).sort()
  assert.deepEqual(members, [ann.email, ben.email].sort())
})

test('a sign-in that ended elsewhere leads to signing in, and back', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person)
  const { page } = visit
  ok(await person.delete('/v1/users/me/devices'))
  clock.advance(11 * MINUTE_MS)
  await page.evaluate(() => (location.hash = 'security'))
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
  await typePassword(page, person)
  await page.getByRole('heading', { name: 'Security', level: 1 }).waitFor()
})

test('too many attempts are told with the time that is left', async () => {
  await using few = await FactorApp.start({ AUTH_ATTEMPTS: '5' })
  await using visit = await browser.visit(`${addressOf(few)}/#sign-in`)
  const { page } = visit
  const person = { email: 'nobody@example.test', password: 'not the right password' }
  for (const said of [...Array<string>(5).fill('do not match'), 'Too many attempts']) {
    await typePassword(page, person)
    await page.getByRole('alert').getByText(said).waitFor()
  }
  assert.match((await page.locator('.countdown').textContent())!, /^Time left: 1[45] min/)
})

test('who could not be signed out is told so, and not shown as gone', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'security')
  const { page, context } = visit
  await page.getByRole('button', { name: 'Sign out everywhere' }).waitFor()
  await context.setOffline(true)
  await page.getByRole('button', { name: `Sign out ${person.email}` }).click()
  await page.getByText('You are still signed in: The server did not answer.').waitFor()
  assert.equal(new URL(page.url()).hash, '#security')
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await context.setOffline(false)
  await page.getByRole('button', { name: `Sign out ${person.email}` }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
})
