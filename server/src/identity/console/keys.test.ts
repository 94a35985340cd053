import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { WebBrowser } from '#test/web-browser.ts'
import { FactorApp, ok } from '../factors/test-support.ts'
import { cardOf, visitAs } from './test-support.ts'

const world = await FactorApp.start()
after(() => world[Symbol.asyncDispose]())
const { app } = world
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

async function makeKey(page: Page, name: string): Promise<string> {
  await page.getByLabel('What it is for').fill(name)
  await page.getByLabel('sessions.*').check()
  await page.getByRole('button', { name: 'Make the key' }).click()
  const card = cardOf(page, `Your new key: ${name}`)
  const key = await card.locator('.secret').textContent()
  await card.getByRole('button', { name: 'I kept it' }).click()
  await card.waitFor({ state: 'detached' })
  return key!
}

test('a key is shown once, counts, and is seen by its first characters alone after that', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'api-keys')
  const { page, complaints } = visit
  await page.getByText('No key yet.').waitFor()
  await page.getByRole('button', { name: 'Make the key' }).click()
  assert.equal(await page.getByText('Fill this in.').count(), 2)
  const key = await makeKey(page, 'nightly check')
  assert.match(key, /^gk_live_/)
  // What is offered for the next one is what was offered for this one.
  await page.locator('.rows .title', { hasText: 'nightly check' }).waitFor()
  assert.equal(await page.getByLabel('Ends after').inputValue(), '90')
  assert.ok(await page.getByLabel('sessions.read').isEnabled())
  ok(await world.as(key, 'GET', '/v1/sessions'))
  await page.locator('.rows .title', { hasText: 'nightly check' }).waitFor()
  assert.ok(!(await page.content()).includes(key))
  await page.reload()
  await page.getByText(`${key.slice(0, 12)}…`).waitFor()
  assert.ok(!(await page.content()).includes(key))
  assert.deepEqual(complaints, [])
})

test('what is wrong with a key is told at its field', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'api-keys')
  const { page } = visit
  await page.getByLabel('What it is for').fill('nightly check')
  await page.getByLabel('sessions.read').check()
  await page.getByLabel('Counts from these addresses only').fill('203.0.113.0/24\nnowhere')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByText('Must be an address or a range').waitFor()
  assert.equal(
    await page.getByLabel('Counts from these addresses only').getAttribute('aria-invalid'),
    'true',
  )
})

test('a key is replaced by one that is shown once, and revoked', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, world, person, 'api-keys')
  const { page } = visit
  const old = await makeKey(page, 'nightly check')
  await page.getByRole('button', { name: 'Replace nightly check' }).click()
  await page.getByLabel('The old key').selectOption('0')
  await page.getByRole('button', { name: 'Replace it' }).click()
  const card = cardOf(page, 'Your new key: nightly check')
  const fresh = (await card.locator('.secret').textContent())!
  assert.notEqual(fresh, old)
  assert.equal((await world.as(old, 'GET', '/v1/sessions')).status, 401)
  ok(await world.as(fresh, 'GET', '/v1/sessions'))
  await card.getByRole('button', { name: 'I kept it' }).click()

  await page.getByRole('button', { name: 'Revoke nightly check' }).click()
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('revoked', { exact: true }).waitFor()
  assert.equal((await world.as(fresh, 'GET', '/v1/sessions')).status, 401)
})
