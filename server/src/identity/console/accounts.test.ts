import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { addMember, found } from '#test/accounts.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, MINUTE_MS, ok } from '../factors/test-support.ts'
import { addressOf, cardOf, goTo, visitAs } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app, clock } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

/** Until then the cards are those of the account before. */
async function actFor(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Act for ${name}` }).click()
  await page.getByRole('heading', { name: `Members of ${name}` }).waitFor()
}

const EVIL = '<img src=x onerror="document.title=\'evil\'">'

test('names that are markup are shown as text, wherever they come up', async () => {
  const [ann, ben] = [await app.person(), await app.person('ben')]
  const accountId = await found(ann, EVIL)
  await addMember(app, accountId, ben, 'member')
  ok(await ben.put('/v1/users/me', { firstName: EVIL, lastName: EVIL }))
  const key = { name: EVIL, scopes: ['sessions.read'] }
  ok(await ann.post('/v1/api-keys', key, { 'gantry-account': accountId }))
  await using visit = await visitAs(browser, world, ann, 'accounts')
  const { page, complaints } = visit
  await actFor(page, EVIL)
  await cardOf(page, `Members of ${EVIL}`).getByText(`${EVIL} ${EVIL}`, { exact: true }).waitFor()
  await page.getByRole('status').getByText(EVIL).waitFor()
  await goTo(page, 'api-keys')
  await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor()
  await page.locator('.rows .title', { hasText: EVIL }).waitFor()
  await page.getByRole('button', { name: `Revoke ${EVIL}` }).click()
  await page.getByRole('dialog').getByText(EVIL).waitFor()
  assert.equal(await page.locator('main img, dialog img').count(), 0)
  assert.doesNotMatch(await page.title(), /evil/)
  assert.deepEqual(complaints, [])
})

test('a member gets another role, after a fresh proof for a weighty one, and is removed', async () => {
  const [ann, ben] = [await app.person(), await app.person('ben')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, ben, 'member')
  await using visit = await visitAs(browser, world, ann, 'accounts')
  const { page } = visit
  await actFor(page, 'Engines')
  const role = page.getByLabel(`Role of ${ben.email}`)
  clock.advance(6 * MINUTE_MS)
  await role.selectOption('admin')
  const dialog = page.getByRole('dialog', { name: 'Prove again that it is you' })
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('alert').getByText('Prove again who you are').waitFor()
  assert.equal(await role.inputValue(), 'member')
  await role.selectOption('admin')
  await dialog.getByLabel('Password', { exact: true }).fill(ann.password)
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText(`${ben.email} is admin now.`).waitFor()

  await page.getByRole('button', { name: `Remove ${ben.email}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await role.waitFor({ state: 'detached' })
  const { items } = ok(await ann.get(`/v1/accounts/${accountId}/members`))
  assert.equal(items.length, 1)
})

test('somebody is invited, invited again, and not any more', async () => {
  const ann = await app.person()
  const accountId = await found(ann, 'Engines')
  const email = `${app.unique('carl')}@example.test`
  await using visit = await visitAs(browser, world, ann, 'accounts')
  const { page } = visit
  await actFor(page, 'Engines')
  const card = cardOf(page, 'Invitations')
  await card.getByLabel('E-mail').fill(email)
  await card.getByLabel('Role').selectOption('viewer')
  await card.getByRole('button', { name: 'Invite' }).click()
  await card.getByText('pending').waitFor()
  const first = await app.mailTo(email, 'invitation')
  await card.getByRole('button', { name: `Send again to ${email}` }).click()
  await page.getByText(`A new link to ${email} is on its way.`).waitFor()
  await card.getByRole('button', { name: `Take back the invitation to ${email}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Take it back' }).click()
  await card.getByText('cancelled').waitFor()
  assert.ok(first.link)
  const { items } = ok(await ann.get(`/v1/invitations?accountId=${accountId}`))
  assert.equal(items[0].status, 'cancelled')
})

test('the account that a tab acts for holds for all its calls, until it goes back or leaves', async () => {
  const [ann, ben] = [await app.person(), await app.person('ben')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, ben, 'viewer')
  await using visit = await visitAs(browser, world, ben, 'accounts')
  const { page } = visit
  await actFor(page, 'Engines')
  await page.getByText('You act for Engines.').waitFor()
  assert.equal(await cardOf(page, 'Invitations').count(), 0)
  await page.reload()
  await page.getByText('You act for Engines.').waitFor()
  await goTo(page, 'api-keys')
  await page.getByText('No key yet.').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Make the key' }).count(), 0)

  await goTo(page, 'accounts')
  await page.getByRole('button', { name: 'Leave Engines' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
  await page.getByRole('heading', { name: `Members of ${ben.email}` }).waitFor()
  assert.equal(await page.getByText('You act for Engines.').count(), 0)
  assert.equal((await ben.get(`/v1/accounts/${accountId}`)).status, 404)
})

test('what was meant for an account that is there no more happens in no other', async () => {
  const [ann, ben] = [await app.person(), await app.person('ben')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, ben, 'admin')
  await using visit = await visitAs(browser, world, ben, 'accounts')
  const { page } = visit
  await actFor(page, 'Engines')
  await page.getByText('You act for Engines.').waitFor()
  await goTo(page, 'api-keys')
  await page.getByLabel('What it is for').fill('deployments')
  await page.getByLabel('sessions.read').check()
  assert.equal((await ann.delete(`/v1/accounts/${accountId}/members/${ben.userId}`)).status, 204)
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByText('You cannot act for that account any more').waitFor()
  await page.getByText('You act for Engines.').waitFor({ state: 'detached' })
  assert.deepEqual(ok(await ben.get('/v1/api-keys')).items, [])
})

test('nobody gives away their own role by a key that slipped', async () => {
  const [ann, ben] = [await app.person(), await app.person('ben')]
  const accountId = await found(ann, 'Engines')
  await addMember(app, accountId, ben, 'owner')
  await using visit = await visitAs(browser, world, ann, 'accounts')
  const { page } = visit
  await actFor(page, 'Engines')
  const role = page.getByLabel(`Role of ${ann.email}`)
  await role.selectOption('viewer')
  const dialog = page.getByRole('dialog', { name: 'Be viewer from now on?' })
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForFunction((label) => {
    const select = document.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`)
    return select?.value === 'owner'
  }, `Role of ${ann.email}`)
  await role.selectOption('viewer')
  await dialog.getByRole('button', { name: 'Be viewer' }).click()
  await page.getByText(`${ann.email} is viewer now.`).waitFor()
})

test('an account is founded from the page', async () => {
  const ann = await app.person()
  await using visit = await visitAs(browser, world, ann, 'accounts')
  await visit.page.getByLabel('Name of the new account').fill('Engines')
  await visit.page.getByRole('button', { name: 'Found an account' }).click()
  await visit.page.getByRole('button', { name: 'Act for Engines' }).waitFor()
})

test('a banner says who acts as whom', async () => {
  const [root, ann] = [await app.superAdmin(), await app.person()]
  const lent = ok(
    await root.post(`/v1/admin/users/${ann.userId}/impersonate`, { reason: 'Ticket 4711' }),
  )
  await using visit = await browser.visit(addressOf(world))
  const { page, context } = visit
  const cookie = { url: `https://localhost`, secure: true, sameSite: 'Strict' } as const
  await context.addCookies([
    { ...cookie, name: '__Host-gantry_session', value: lent.accessToken, httpOnly: true },
    { ...cookie, name: '__Host-gantry_csrf', value: 'x'.repeat(43) },
  ])
  await page.reload()
  const banner = page.getByRole('status').filter({ hasText: 'You act as' })
  await banner.waitFor()
  const said = (await banner.textContent())!
  assert.ok(said.includes(ann.email) && said.includes(root.email), said)
  await goTo(page, 'security')
  await page.getByText('stay with the person').waitFor()
})
