import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Person, startApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { addRelay, addTunnel, link, runAgent } from '../test-support.ts'
import { takeUsage } from '../usage/take.ts'
import { seenRequest, TestRelays } from '../usage/test-relays.ts'
import { entry } from '../usage/test-support.ts'
import { cardOf, overhang, visitAs } from '#test/console-visit.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const relays = new TestRelays(app)
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())
const PHONE = { viewport: { width: 360, height: 740 } }

/** One that an agent holds open, with traffic and with requests that a relay keeps. */
async function liveTunnel(person: Person) {
  const endpoint = { url: 'http://127.0.0.1:3000', agent: 'laptop' }
  const tunnel = await addTunnel(person, { name: app.unique('shop'), endpoints: [endpoint] })
  const relayId = await addRelay(app)
  const { body: run } = await runAgent(person, [tunnel.id])
  await link(app, run.runId, relayId)
  const ctx = app.app.systemContext()
  const [endpointId, now] = [tunnel.endpoints[0].id, ctx.clock.now().getTime()]
  const entries = Array.from({ length: 30 }, (_, at) =>
    entry({
      ...{ sequence: at + 1, tunnelId: tunnel.id, endpointId, requests: 10 + at },
      minute: new Date(now - at * 60_000).toISOString(),
    }),
  )
  await takeUsage(ctx, relayId, 'one', entries)
  return { ...tunnel, relayId, endpointId }
}

test('a tunnel is made, and its command is ready to be copied', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, app, person, 'tunnels')
  const { page, complaints } = visit
  await page.getByText('No tunnel yet.').waitFor()
  const name = app.unique('shop')
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Make the tunnel' }).click()
  const card = cardOf(page, `Your new tunnel: ${name}`)
  await card.getByText(`gantry tunnel http 3000 --name ${name}`).waitFor()
  await cardOf(page, 'Tunnels of this account').getByRole('link', { name, exact: true }).waitFor()
  await card.getByRole('link', { name: 'Look at it' }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
  await cardOf(page, 'Diagnostics').getByText('No agent has ever come.').first().waitFor()
  await page.reload()
  await page.getByRole('heading', { level: 1, name }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a name that cannot be had is told at its field', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, app, person, 'tunnels')
  const { page } = visit
  await page.getByLabel('Name').fill('Not a name!')
  await page.getByRole('button', { name: 'Make the tunnel' }).click()
  await page.getByText('Must be 3 to 63 letters').waitFor()
  assert.equal(await page.getByLabel('Name').getAttribute('aria-invalid'), 'true')
})

test('one tunnel shows its state, figures, service and last requests, on a phone too', async () => {
  const person = await app.person()
  const tunnel = await liveTunnel(person)
  const request = {
    headers: [['accept', '*/*']] as [string, string][],
    body: { length: 2, cut: false, text: 'hi' },
  }
  const response = {
    headers: [] as [string, string][],
    body: { length: 2048, cut: false, type: 'image/png', sha256: 'ab'.repeat(32) },
  }
  const seen = seenRequest({
    ...{ id: 'req_1', endedAtMs: Date.now(), status: 502, path: '/cart?<b>x</b>' },
    ...{ relayId: tunnel.relayId, endpointId: tunnel.endpointId, agent: 'laptop' },
  })
  relays.clear()
  relays.add(tunnel.relayId, {
    requests: async () => ({ requests: [seen] }),
    request: async () => ({ ...seen, request, response }),
    replay: async () => ({ requestId: 'req_2' }),
  })
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`, PHONE)
  const { page, complaints } = visit
  await cardOf(page, 'Address and status').getByText('connected').waitFor()
  const figures = cardOf(page, 'Metrics')
  await figures.getByRole('img', { name: /^Requests: at most/ }).waitFor()
  assert.ok((await figures.locator('rect').count()) > 3)
  await figures.getByText('95.91 %').first().waitFor()
  await cardOf(page, 'Where it leads').getByText('http://127.0.0.1:3000').first().waitFor()
  const requests = cardOf(page, 'Last requests')
  await requests.getByText('GET /cart?<b>x</b>').waitFor()
  await requests.getByRole('button', { name: /^Details of/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('What the visitor sent').click()
  await dialog.getByText('accept: */*').waitFor()
  await dialog.getByText('What the service answered').click()
  await dialog.getByText(/of image\/png, SHA-256 abab/).waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  if (process.env.SCREENSHOTS)
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/dialog.png` })
  await dialog.getByRole('button', { name: 'Make it again' }).click()
  await page.locator('#announcer', { hasText: 'It was made again.' }).waitFor()
  if (process.env.SCREENSHOTS)
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/phone.png`, fullPage: true })
  assert.deepEqual(complaints, [])
})

test('settings are changed, and what is wrong with one is told at its field', async () => {
  const person = await app.person()
  const tunnel = await liveTunnel(person)
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`)
  const { page } = visit
  const card = cardOf(page, 'Settings')
  await card.getByLabel('Connections at once').fill('0')
  await card.getByRole('button', { name: 'Save' }).click()
  const field = card.getByLabel('Connections at once')
  await page.locator('input[name=maxConnections][aria-invalid=true]').waitFor()
  await field.fill('7')
  await card.getByLabel('Keep headers and bodies').check()
  await card.getByRole('button', { name: 'Save' }).click()
  await page.locator('#announcer', { hasText: 'Saved' }).waitFor()
  const { body } = await person.get(`/v1/tunnels/${tunnel.id}`)
  assert.deepEqual([body.config.maxConnections, body.config.inspector.enabled], [7, true])
})

test('a link is shown once, and revoked; a policy is chosen', async () => {
  const person = await app.person()
  const tunnel = await liveTunnel(person)
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`)
  const { page, complaints } = visit
  const access = cardOf(page, 'Who may visit')
  await access.getByLabel('Who may come').selectOption('token')
  await access.getByRole('button', { name: 'Save' }).click()
  await page.locator('#announcer', { hasText: 'Saved' }).waitFor()
  assert.equal((await person.get(`/v1/tunnels/${tunnel.id}`)).body.access.policy, 'token')

  const shares = cardOf(page, 'Shared with')
  await shares.getByText('Share it').first().click()
  await shares.getByLabel('What you call it').fill('for the shop')
  await shares.getByRole('button', { name: 'Share it' }).click()
  const fresh = cardOf(page, 'Your new link: for the shop')
  const url = (await fresh.locator('.secret').textContent())!
  assert.ok(url.startsWith('http'), url)
  await fresh.getByRole('button', { name: 'I kept it' }).click()
  assert.ok(!(await page.content()).includes(url))
  await shares.getByRole('button', { name: 'Revoke for the shop' }).click()
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await shares.getByText('Nobody.').waitFor()
  assert.deepEqual(complaints, [])
})

test('a second share lasts as long as the first one, and needs the address of a person', async () => {
  const person = await app.person()
  const tunnel = await liveTunnel(person)
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`)
  const { page, complaints } = visit
  const shares = cardOf(page, 'Shared with')
  await shares.getByText('Share it').first().click()
  const life = await shares.getByLabel('For').inputValue()
  await shares.getByRole('button', { name: 'Share it' }).click()
  await page.getByRole('button', { name: 'I kept it' }).click()
  assert.equal(await shares.getByLabel('For').inputValue(), life)

  await shares.getByLabel('With').selectOption('user')
  await shares.getByRole('button', { name: 'Share it' }).click()
  await shares.getByText('Fill this in.').waitFor()
  await shares.getByLabel('E-mail').fill('bob@example.test')
  await shares.getByRole('button', { name: 'Share it' }).click()
  await shares.getByText('bob@example.test').waitFor()
  const endpoints = cardOf(page, 'Where it leads')
  await endpoints.getByText('Add an endpoint').click()
  await endpoints.getByLabel('Address of the service').fill('http://127.0.0.1:3001')
  await endpoints.getByRole('button', { name: 'Add it' }).click()
  await endpoints.getByRole('button', { name: 'Remove http://127.0.0.1:3001' }).waitFor()
  const kept = ['Agent', 'Priority', 'Weight'].map((label) => endpoints.getByLabel(label))
  const values = await Promise.all(kept.map((field) => field.inputValue()))
  assert.deepEqual(values, ['default', '0', '1'])
  assert.deepEqual(complaints, [])
})

test('of a TCP tunnel only what its visitors can show is offered', async () => {
  const person = await app.person()
  const tunnel = await addTunnel(person, { name: app.unique('db'), kind: 'tcp' })
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`)
  const { page } = visit
  const optionsOf = async (card: string, label: string) => {
    const options = cardOf(page, card).getByLabel(label).locator('option')
    await options.first().waitFor({ state: 'attached' })
    return options.evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value))
  }
  assert.deepEqual(await optionsOf('Who may visit', 'Who may come'), ['public', 'addresses'])
  assert.deepEqual(await optionsOf('Shared with', 'With'), ['user'])
})

test('whoever may only read a shared tunnel sees how it is, and nothing to change it by', async () => {
  const [ann, bob] = [await app.person(), await app.person()]
  const tunnel = await liveTunnel(ann)
  const shared = { kind: 'user', userId: bob.userId, permission: 'read' }
  assert.equal((await ann.post(`/v1/tunnels/${tunnel.id}/shares`, shared)).status, 201)
  relays.clear()
  await using visit = await visitAs(browser, app, bob, 'tunnels')
  const { page, complaints } = visit
  await cardOf(page, 'Shared with you')
    .getByRole('link', { name: tunnel.name, exact: true })
    .click()
  await cardOf(page, 'Where it leads').getByText('http://127.0.0.1:3000').first().waitFor()
  await cardOf(page, 'Last requests').getByText('Nobody has come yet.').waitFor()
  await cardOf(page, 'Diagnostics').getByText('Held open by').waitFor()
  for (const title of ['Settings', 'Who may visit', 'Shared with']) {
    assert.equal(await cardOf(page, title).count(), 0, title)
  }
  for (const name of ['Stop', 'Delete…', /^Remove/]) {
    assert.equal(await page.getByRole('button', { name }).count(), 0, String(name))
  }
  assert.equal(await page.getByText('Add an endpoint').count(), 0)
  assert.deepEqual(complaints, [])
})

test('a tunnel is stopped, started and deleted, the latter by typing its name', async () => {
  const person = await app.person()
  const tunnel = await liveTunnel(person)
  await using visit = await visitAs(browser, app, person, `tunnel/${tunnel.id}`)
  const { page } = visit
  const card = cardOf(page, 'Address and status')
  await card.getByRole('button', { name: 'Stop' }).click()
  await card.getByText('stopped').waitFor()
  await card.getByRole('button', { name: 'Start' }).click()
  await card.getByRole('button', { name: 'Stop' }).waitFor()
  await card.getByRole('button', { name: 'Delete…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(`Type ${tunnel.name} to delete it`).fill('another')
  await dialog.getByRole('button', { name: 'Delete it' }).click()
  await dialog.getByText('That is not its name.').waitFor()
  await dialog.getByLabel(`Type ${tunnel.name} to delete it`).fill(tunnel.name)
  await dialog.getByRole('button', { name: 'Delete it' }).click()
  await page.getByText('No tunnel yet.').waitFor()
  assert.equal((await person.get(`/v1/tunnels/${tunnel.id}`)).status, 404)
})
