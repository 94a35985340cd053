import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { Person } from '#test/app.ts'
import { WebBrowser } from '#test/web-browser.ts'
import { createClient } from '../../../../sdk/src/index.ts'
import { TunnelAgent } from '../../../../sdk/src/tunnels/index.ts'
import { openScene } from './test-scene.ts'

const scene = await openScene({ ROLES: 'api,worker,relay' })
after(() => scene[Symbol.asyncDispose]())
const { app } = scene
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())
const service = createServer(({ url }, response) => {
  response.setHeader('content-type', 'text/html').end(`<title>The shop</title><h1>At ${url}</h1>`)
}).listen(0, '127.0.0.1')
await once(service, 'listening')
after(() => service.close())

/** A tunnel that asks its visitors who they are. */
async function openTunnel(owner: Person) {
  const name = app.unique('shop')
  const made = await owner.post('/v1/tunnels', { name, access: { policy: 'members' } })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const { accessToken } = owner
  const { port: target } = service.address() as AddressInfo
  const agent = new TunnelAgent(createClient({ url: app.url, accessToken }), {
    tunnels: [{ kind: 'http', target, name }],
  })
  await agent.open()
  const { id, url } = made.body
  return { id, url, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() }
}

/** What makes a browser this person for the provider. */
function knownAs(name: string) {
  const { hostname: domain } = new URL(scene.acme.issuer)
  const cookie = { name: 'who', value: name, domain, path: '/', expires: -1 }
  const storageState = {
    cookies: [{ ...cookie, httpOnly: false, secure: false, sameSite: 'Lax' as const }],
    origins: [],
  }
  return { storageState }
}

test('whoever signs in by a provider on the way comes to where they wanted to go, and only from there', async () => {
  const ann = await app.person('ann')
  await using tunnel = await openTunnel(ann)
  const who = app.unique('guest')
  const email = `${who}@example.test`
  scene.acme.people.set(who, { email, email_verified: true })
  const shared = await ann.post(`/v1/tunnels/${tunnel.id}/shares`, { kind: 'user', email })
  assert.equal(shared.status, 201, JSON.stringify(shared.body))
  await using visit = await browser.visit(`${tunnel.url}/orders?page=2`, knownAs(who))
  const { page } = visit
  await page.getByRole('link', { name: 'Continue with Acme' }).click()
  await page.getByRole('heading', { name: 'At /orders?page=2', exact: true }).waitFor()
  assert.equal(new URL(page.url()).origin, tunnel.url)
  await page.goto(app.url)
  await page.getByRole('button', { name: `Sign out ${email}` }).waitFor()
  assert.equal(await page.evaluate(() => sessionStorage.getItem('gantry-place')), null)
})

test('a place that was kept for a provider is forgotten by whoever goes elsewhere first', async () => {
  await using visit = await browser.visit(`${app.url}/#sign-in`)
  const { page } = visit
  const keep = (place: object) =>
    page.evaluate((place) => sessionStorage.setItem('gantry-place', place), JSON.stringify(place))
  const wanted = () => page.evaluate(() => sessionStorage.getItem('gantry-place'))
  await keep({ name: 'visit', token: 'e30', atMs: Date.now() })
  await page.reload()
  await page.getByLabel('E-mail').waitFor()
  assert.equal(await wanted(), null)
  const ann = await app.person('ann')
  await page.getByLabel('E-mail').fill(ann.email)
  await page.getByLabel('Password', { exact: true }).fill(ann.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: `Sign out ${ann.email}` }).waitFor()
  assert.equal(new URL(page.url()).hash, '')
})
