import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { cardOf, overhang, visitAs } from '#test/console-visit.ts'
import { TestDns } from '#test/dns.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { addTunnel } from '../test-support.ts'

const dns = await TestDns.open()
const app = await startApp({ env: { DNS_SERVERS: dns.address } })
after(async () => {
  await app[Symbol.asyncDispose]()
  await dns[Symbol.asyncDispose]()
})
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())
const narrow = { viewport: { width: 360, height: 740 } }

test('an owner adds a domain, sees which record is wanted, and that it was found', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(ann, { name: app.unique('shop') })
  await using visit = await visitAs(browser, app, ann, `tunnel/${id}`, narrow)
  const { page, complaints } = visit
  const card = cardOf(page, 'Own domains')
  await card.getByText('Add a domain').click()
  const hostname = `${app.unique('shop')}.example.com`
  await card.getByLabel('Domain').fill(hostname)
  await card.getByRole('button', { name: 'Add it' }).click()
  await card.getByText('pending').waitFor()
  const record = `_gantry.${hostname}`
  await card.getByText(record).waitFor()
  const value = await card.locator('code', { hasText: 'gantry-verify=' }).innerText()
  const look = card.getByRole('button', { name: `Look for the record of ${hostname}` })
  dns.records.set(record, [value])
  await look.click()
  await card.getByText('verified').waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  await card.getByRole('button', { name: `Remove ${hostname}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove it' }).click()
  await card.getByText('None.').waitFor()
  assert.deepEqual(complaints, [])
})

test('an operator finds a tunnel by its address and suspends it; its owner reads why', async () => {
  const [ann, root] = [await app.person('ann'), await app.superAdmin()]
  const tunnel = await addTunnel(ann, { name: app.unique('shop') })
  await addTunnel(ann, { name: app.unique('other') })
  await using visit = await visitAs(browser, app, root, 'profile', narrow)
  const { page, complaints } = visit
  await page.getByRole('link', { name: 'Moderation', exact: true }).click()
  await page.getByLabel('Address').fill(tunnel.hostname)
  await page.getByRole('button', { name: 'Find' }).click()
  const rows = cardOf(page, 'Tunnels of all accounts').locator('.rows > li')
  await page.getByRole('button', { name: /^Suspend other/ }).waitFor({ state: 'detached' })
  assert.equal(await rows.count(), 1)
  await page.getByRole('button', { name: `Suspend ${tunnel.name}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Why').fill('It imitates a bank.')
  await dialog.getByRole('button', { name: 'Suspend it' }).click()
  const lift = page.getByRole('button', { name: `Lift the suspension of ${tunnel.name}` })
  await lift.waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')

  await using own = await visitAs(browser, app, ann, `tunnel/${tunnel.id}`, narrow)
  await own.page.getByRole('status').getByText('It imitates a bank.').waitFor()
  assert.equal(await own.page.getByRole('button', { name: /^(Stop|Start|Delete…)$/ }).count(), 0)
  assert.equal(
    await own.page.getByRole('link', { name: 'Moderation', exact: true }).isVisible(),
    false,
  )

  await lift.click()
  await page.getByRole('button', { name: `Suspend ${tunnel.name}` }).waitFor()
  assert.deepEqual([...complaints, ...own.complaints], [])
})
