import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { cardOf, overhang, visitAs } from '#test/console-visit.ts'

const app = await startApp({
  env: {
    ROLES: 'api,worker,relay',
    ...{ EC2_REGIONS: 'eu-central-1', EC2_LAUNCH_TEMPLATE: 'gantry' },
    // Nobody is there: what is launched stays as it was asked for.
    ...{ EC2_ENDPOINT: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
  },
})
after(() => app[Symbol.asyncDispose]())
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())

test('an operator sees the relays, drains one, stops it, and takes that back', async () => {
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
  await relay.getByRole('button', { name: /^Stop/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop it' }).click()
  await relay.getByText('stopped').waitFor()
  await relay.getByRole('button', { name: /^Start/ }).click()
  await relay.getByText('running').waitFor()
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
  assert.deepEqual(complaints, [])
})

test('an operator starts a relay, says how many there are to be, and stops it', async () => {
  const root = await app.superAdmin()
  const options = { viewport: { width: 360, height: 740 } }
  await using visit = await visitAs(browser, app, root, 'relays', options)
  const { page } = visit
  const start = cardOf(page, 'Start a relay')
  const name = app.unique('edge')
  await start.getByLabel('Name').fill(name)
  await start.getByRole('button', { name: 'Start it' }).click()
  await start.getByText('That provider starts no relays').waitFor()
  await start.getByLabel('Where').selectOption('ec2')
  await start.getByRole('button', { name: 'Start it' }).click()
  const relay = page.locator('.rows > li', { hasText: name })
  await relay.getByText('starting').waitFor()

  const many = cardOf(page, 'How many')
  await many.getByLabel('Start and end relays by their load').check()
  await many.getByLabel('And at most').fill('1')
  await many.getByLabel('Then at least').fill('3')
  await many.getByRole('button', { name: 'Save' }).click()
  await many.getByText('Must be at most').waitFor()
  await many.getByLabel('And at most').fill('5')
  await many.getByLabel('At least, always').fill('1')
  await many.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved.').waitFor()
  const [scaling, redundancy] = await Promise.all(
    ['scaling', 'redundancy'].map((one) => root.get(`/v1/relays/${one}`)),
  )
  assert.deepEqual([scaling!.body.min, scaling!.body.max], [3, 5])
  assert.equal(redundancy!.body.minimumRelays, 1)

  await relay.getByRole('button', { name: `Stop ${name}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop it' }).click()
  await relay.waitFor({ state: 'detached' })
  assert.ok((await overhang(page)) <= 0, 'nothing hangs over a narrow page')
})

test('somebody who runs nothing is not led to the relays', async () => {
  const person = await app.person()
  await using visit = await visitAs(browser, app, person, 'tunnels')
  const { page } = visit
  await page.getByText('No tunnel yet.').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Relays', exact: true }).count(), 0)
})
