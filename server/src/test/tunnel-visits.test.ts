import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { createClient } from '../../../sdk/src/index.ts'
import { TunnelAgent } from '../../../sdk/src/tunnels/index.ts'
import { type Person, startApp } from './app.ts'
import { WebBrowser } from './web-browser.ts'

const PASSWORD = 'open sesame, please'

const app = await startApp({ env: { ROLES: 'api,worker,relay' } })
after(() => app[Symbol.asyncDispose]())
const browser = await WebBrowser.open()
after(() => browser[Symbol.asyncDispose]())
const service = await serve()
after(() => service.close())

/** A site of somebody's, on their machine. */
async function serve(): Promise<Server> {
  const server = createServer(({ url, headers }, response) => {
    response.setHeader('content-type', 'text/html')
    const cookies = headers.cookie?.replace(/</g, '&lt;') ?? 'none'
    response.end(`<title>The shop</title><h1>At ${url}</h1><p>Cookies: ${cookies}</p>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

interface Tunnel extends AsyncDisposable {
  id: string
  url: string
  agent: TunnelAgent
}

/** A tunnel to the site that asks its visitors for something. */
async function openTunnel(owner: Person, access: object): Promise<Tunnel> {
  const name = app.unique('shop')
  const made = await owner.post('/v1/tunnels', { name, access })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const { accessToken } = owner
  const { port: target } = service.address() as AddressInfo
  const agent = new TunnelAgent(createClient({ url: app.url, accessToken }), {
    tunnels: [{ kind: 'http', target, name }],
  })
  await agent.open()
  const { id, url } = made.body
  return { id, url, agent, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() }
}

async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const isAt = (page: Page, path: string) =>
  page.getByRole('heading', { name: `At ${path}`, exact: true }).waitFor()

test('a person types the password of a tunnel and comes to where they wanted to go', async () => {
  const ann = await app.person('ann')
  await using tunnel = await openTunnel(ann, { policy: 'password', password: PASSWORD })
  await using visit = await browser.visit(`${tunnel.url}/orders?page=2`)
  const { page, complaints } = visit
  const field = page.getByLabel('Password')
  await field.fill('wrong')
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('alert').getByText('That is not the password').waitFor()
  assert.equal(await field.getAttribute('aria-invalid'), 'true')
  assert.equal(await field.evaluate((input) => input === document.activeElement), true)
  await field.fill(PASSWORD)
  await field.press('Enter')
  await isAt(page, '/orders?page=2')
  await page.getByText('Cookies: none').waitFor()
  await page.goto(`${tunnel.url}/again`)
  await isAt(page, '/again')
  assert.deepEqual(
    complaints.filter((text) => !text.includes('401')),
    [],
  )
})

test('somebody whom a tunnel was shared with signs in on the way, until it is taken back', async () => {
  const [ann, bob, eve] = [
    await app.person('ann'),
    await app.person('bob'),
    await app.person('eve'),
  ]
  await using tunnel = await openTunnel(ann, { policy: 'members' })
  const shares = `/v1/tunnels/${tunnel.id}/shares`
  const shared = await ann.post(shares, { kind: 'user', email: bob.email })
  assert.equal(shared.status, 201, JSON.stringify(shared.body))
  await using visit = await browser.visit(`${tunnel.url}/orders?page=2`)
  const { page } = visit
  assert.equal(new URL(page.url()).origin, app.url)
  await signIn(page, eve)
  await page.getByRole('alert').getByText('No such tunnel for you').waitFor()
  await page.getByRole('button', { name: 'Use another user' }).click()
  await signIn(page, bob)
  await isAt(page, '/orders?page=2')
  assert.equal(new URL(page.url()).origin, tunnel.url)
  await page.getByText('Cookies: none').waitFor()
  assert.equal((await ann.delete(`${shares}/${shared.body.id}`)).status, 204)
  for (let at = 0; new URL(page.url()).origin === tunnel.url; at++) {
    await page.goto(`${tunnel.url}/late/${at}`)
  }
  await page.getByRole('alert').getByText('No such tunnel for you').waitFor()
})

test('a member who is signed in already comes to the tunnel without being asked', async () => {
  const ann = await app.person('ann')
  await using tunnel = await openTunnel(ann, { policy: 'members' })
  await using visit = await browser.visit(`${app.url}/#sign-in`)
  const { page } = visit
  await signIn(page, ann)
  await page.getByRole('button', { name: `Sign out ${ann.email}` }).waitFor()
  await page.goto(`${tunnel.url}/straight`)
  await isAt(page, '/straight')
})
