import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { overhang, visitAs } from '#test/console-visit.ts'

const app = await startApp({ env: { ROLES: 'api,worker,relay' } })
after(() => app[Symbol.asyncDispose]())
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

test('an operator sees the relays, drains one and takes that back', async () => {
  const root = await app.superAdmin()
  const options = { viewport: { width: 360, height: 740 } }
  await using visit = await visitAs(browser, app, root, 'profile', options)
  const { page, complaints } = visit
  await page.getByRole('link', { name: 'Relays', exact: true }).click()
  const relay = page.locator('.rows > li').first()
  await relay.getByText('running').waitFor()
  await relay.getByRole('button', { name: /^Drain/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Drain it' }).click()
  await relay.getByText('draining').waitFor()
  await relay.getByRole('button', { name: /take visitors again$/ }).click()
  await relay.getByText('running').waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  assert.deepEqual(complaints, [])
})

test('somebody who runs nothing is not led to the relays', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, app, person, 'tunnels')
  const { page } = visit
  await page.getByText('No tunnel yet.').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Relays', exact: true }).count(), 0)
})
