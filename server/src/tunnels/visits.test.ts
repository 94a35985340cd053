import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { trustKeys, readServiceToken } from '#kernel/service-token.ts'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { specsOf } from './index.ts'
import { addTunnel, partsOf } from './test-support.ts'

const app = await startApp({ env: { TUNNEL_DOMAIN: 'tunnels.test' } })
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const STATE = 'A'.repeat(43)

const visit = (person: Person, tunnel: { id: string; url: string }, to = `${tunnel.url}/a?b=1`) =>
  person.post(`/v1/tunnels/${tunnel.id}/visits`, { to, state: STATE })

const specOf = async ({ id }: { id: string }) => (await specsOf(ctx, partsOf(app), [id]))[0]!

async function share(owner: Person, { id }: { id: string }, body: object): Promise<string> {
  const answer = await owner.post(`/v1/tunnels/${id}/shares`, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

test('whoever may visit gets a way back with a ticket for this tunnel and this browser', async () => {
  const ann = await app.person('ann')
  const tunnel = await addTunnel(ann, { access: { policy: 'members' } })
  const answer = await visit(ann, tunnel)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const url = new URL(answer.body.url)
  assert.deepEqual([url.origin, url.pathname], [tunnel.url, '/.gantry/visit'])
  assert.equal(url.searchParams.get('to'), '/a?b=1')
  const keys = (await (await fetch(`${app.url}/.well-known/jwks.json`)).json()) as { keys: never[] }
  const ticket = url.searchParams.get('ticket')!
  const now = Date.now() / 1000
  const claims = readServiceToken(trustKeys(keys.keys), ticket, tunnel.id, now)
  assert.equal(claims?.sub, `members|${ann.userId}|${STATE}`)
  assert.equal(readServiceToken(trustKeys(keys.keys), ticket, 'tun_other', now), undefined)
})

test('a stranger is told of no tunnel, and a grant opens it for whom it names', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const [eve, kim] = [await app.person('eve'), await app.person('kim')]
  const tunnel = await addTunnel(ann, { access: { policy: 'members' } })
  const refused = await visit(bob, tunnel)
  assert.deepEqual([refused.status, refused.body.code], [404, 'tunnel.not_shared'])
  const shares = new Map([
    [bob, await share(ann, tunnel, { kind: 'user', userId: bob.userId })],
    [eve, await share(ann, tunnel, { kind: 'account', accountId: eve.accountId })],
    [kim, await share(ann, tunnel, { kind: 'user', email: kim.email })],
  ])
  for (const [person, id] of shares) {
    const answer = await visit(person, tunnel)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const [, payload] = new URL(answer.body.url).searchParams.get('ticket')!.split('.')
    const { sub } = JSON.parse(Buffer.from(payload!, 'base64url').toString())
    assert.equal(sub, `${id}|${person.userId}|${STATE}`)
    await ann.delete(`/v1/tunnels/${tunnel.id}/shares/${id}`)
    assert.equal((await visit(person, tunnel)).status, 404)
  }
})

test('the way leads to the tunnel alone, whatever was asked for', async () => {
  const ann = await app.person('ann')
  const tunnel = await addTunnel(ann, { access: { policy: 'members' } })
  const other = await addTunnel(ann, { access: { policy: 'members' } })
  for (const to of ['https://evil.test/', '//evil.test/', 'javascript:alert(1)', '/', other.url]) {
    const answer = await visit(ann, tunnel, to)
    assert.deepEqual([to, answer.status, answer.body.code], [to, 422, 'tunnel.visit_elsewhere'])
  }
  const elsewhere = new URL(tunnel.url)
  elsewhere.port = '1'
  elsewhere.username = 'evil.test'
  const answer = await visit(ann, tunnel, elsewhere.href)
  assert.equal(new URL(answer.body.url).origin, tunnel.url)
})

test('a browser without a sign-in is led to the console, which asks', async () => {
  const ann = await app.person('ann')
  const { id, url } = await addTunnel(ann, { access: { policy: 'members' } })
  const query = new URLSearchParams({ to: `${url}/a`, state: STATE })
  const answer = await fetch(`${app.url}/api/v1/tunnels/${id}/visit?${query}`, {
    redirect: 'manual',
  })
  assert.equal(answer.status, 303)
  const [, asked] = answer.headers.get('location')!.split('/#visit=')
  const told = JSON.parse(Buffer.from(asked!, 'base64url').toString())
  assert.deepEqual(told, { id, to: `${url}/a`, state: STATE })
})

test('what somebody has visited asks everybody again once they may sign in no more', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const [own, lent, other] = [
    await addTunnel(bob, { access: { policy: 'members' } }),
    await addTunnel(ann, { access: { policy: 'token' } }),
    await addTunnel(ann, { access: { policy: 'members' } }),
  ]
  await share(ann, lent, { kind: 'user', userId: bob.userId })
  const before = await Promise.all([own, lent, other].map(specOf))
  const sue = await app.superAdmin()
  const gone = await sue.post(`/v1/admin/users/${bob.userId}/deactivate`, { reason: 'left' })
  assert.equal(gone.status, 200, JSON.stringify(gone.body))
  await eventually('the generations are raised', async () => {
    const [mine, borrowed] = [await specOf(own), await specOf(lent)]
    const isRaised = mine.access.generation > before[0]!.access.generation
    return (
      isRaised &&
      borrowed.access.generation > before[1]!.access.generation &&
      borrowed.revision > before[1]!.revision
    )
  })
  assert.equal((await specOf(other)).access.generation, before[2]!.access.generation)
})
