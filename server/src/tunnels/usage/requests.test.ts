import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { appoint } from '#test/accounts.ts'
import { startApp } from '#test/app.ts'
import { seenRequest, TestRelays } from './test-relays.ts'
import { addTunnel } from './test-support.ts'
import type { TunnelRequest } from './request-schema.ts'
import type { TunnelCalls } from './relayed.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const system = app.app.systemContext()
const at = { db: system.db, ctx: system }
const relays = new TestRelays(app)

/** What a relay answers that keeps these. */
function keeping(kept: readonly TunnelRequest[]): Partial<TunnelCalls> {
  const placeOf = ({ endedAtMs, id }: TunnelRequest) =>
    `${String(endedAtMs).padStart(15, '0')}-${id}`
  return {
    requests: async ({ limit, after }) => {
      const below = kept
        .filter((one) => after === undefined || placeOf(one) < after)
        .toSorted((one, other) => other.endedAtMs - one.endedAtMs)
      const requests = below.slice(0, limit)
      return { requests, ...(below.length > limit && { after: placeOf(requests.at(-1)!) }) }
    },
    request: async ({ requestId }) => kept.find(({ id }) => id === requestId),
  }
}

test('the last requests come from all relays in one order, page by page, each once', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const all = Array.from({ length: 30 }, (_, at) =>
    seenRequest({ id: `req_${at}`, endedAtMs: 1_000_000 + at }),
  )
  relays.clear()
  relays.add('rly_a', keeping(all.filter((_, at) => at % 3 === 0)))
  relays.add('rly_b', keeping(all.filter((_, at) => at % 3 !== 0)))
  const seen: string[] = []
  for (let cursor = '', pages = 0; pages < 10; pages++) {
    const { body } = await ann.get(`/v1/tunnels/${id}/requests?limit=7${cursor}`)
    seen.push(...body.items.map((one: TunnelRequest) => one.id))
    if (body.nextCursor === null) break
    cursor = `&cursor=${body.nextCursor}`
  }
  assert.deepEqual(seen, all.map((one) => one.id).toReversed())
})

test('only those that failed are shown when asked; what a relay tells beyond the contract is left out', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const odd = {
    ...seenRequest({ id: 'req_odd', endedAtMs: 1_004, status: 502 }),
    credential: 'secret',
  }
  const broken = { id: 'req_broken', endedAtMs: 'yesterday' }
  relays.clear()
  relays.add('rly_a', {
    requests: async () => ({
      requests: [odd, broken, seenRequest({ id: 'req_ok', endedAtMs: 1_003 })],
    }),
  })
  const { body } = await ann.get(`/v1/tunnels/${id}/requests?failed=true`)
  assert.deepEqual(
    body.items.map((one: TunnelRequest) => one.id),
    ['req_odd'],
  )
  assert.ok(!JSON.stringify(body).includes('secret'))
})

test('one request is found at the relay that keeps it; of others it is said whether a relay was silent', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const body = { length: 2, cut: false, text: 'hi' }
  const request = { headers: [['accept', '*/*']] as [string, string][], body }
  relays.clear()
  relays.add('rly_a')
  relays.add('rly_b', keeping([seenRequest({ id: 'req_1', endedAtMs: 1_001, request })]))
  const found = await ann.get(`/v1/tunnels/${id}/requests/req_1`)
  assert.deepEqual([found.status, found.body.request], [200, request])
  const other = await ann.get(`/v1/tunnels/${id}/requests/req_2`)
  assert.deepEqual([other.status, other.body.code], [404, 'tunnel.request_not_found'])
  relays.add('rly_c', { request: async () => Promise.reject(new Error('gone away')) })
  const unsure = await ann.get(`/v1/tunnels/${id}/requests/req_2`)
  assert.deepEqual([unsure.status, unsure.body.code], [503, 'tunnel.relay_silent'])
  assert.equal((await bob.get(`/v1/tunnels/${id}/requests/req_1`)).body.code, 'tunnel.not_found')
})

test('a replay is made by the relay that keeps the request, once, or refused with its reason', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const asked: unknown[] = []
  const kept = keeping([seenRequest({ id: 'req_1', endedAtMs: 1_001 })])
  relays.clear()
  relays.add('rly_a', { replay: async () => assert.fail('it does not keep it') })
  relays.add('rly_b', {
    ...kept,
    replay: async (input) => {
      asked.push(input)
      if (input.withoutSecrets) return { requestId: 'req_new' }
      return { refused: 'redacted', detail: 'Secrets are not kept: authorization.' }
    },
  })
  const refused = await ann.post(`/v1/tunnels/${id}/requests/req_1/replay`)
  assert.deepEqual(
    [refused.status, refused.body.code, refused.body.detail],
    [409, 'tunnel.request_not_replayable', 'Secrets are not kept: authorization.'],
  )
  const path = `/v1/tunnels/${id}/requests/req_1/replay`
  const made = await ann.post(path, { withoutSecrets: true })
  assert.deepEqual([made.status, made.body], [201, { requestId: 'req_new' }])
  assert.equal(asked.length, 2)
})

test('a replay of which the relay does not say what became is not tried at another one', async () => {
  const ann = await app.person('ann')
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  const kept = keeping([seenRequest({ id: 'req_1', endedAtMs: 1_001 })])
  let tries = 0
  const replay = async () => {
    tries++
    throw new Error('the connection was lost')
  }
  relays.clear()
  for (const relay of ['rly_a', 'rly_b']) relays.add(relay, { ...kept, replay })
  const unsure = await ann.post(`/v1/tunnels/${id}/requests/req_1/replay`)
  assert.deepEqual([unsure.status, unsure.body.code, tries], [504, 'tunnel.replay_unsure', 1])
})

test('staff who act as somebody see that there were requests, and not what was inspected of them', async () => {
  const [ann, sue] = [await app.person('ann'), await app.person('sue')]
  const { id } = await addTunnel(at, { accountId: ann.accountId })
  await appoint(app, sue, 'support')
  const lent = await sue.post(`/v1/admin/users/${ann.userId}/impersonate`, {
    reason: 'Ticket 4711',
  })
  const headers = { authorization: `Bearer ${lent.body.accessToken}` }
  const body = { length: 6, cut: false, text: 'violet' }
  const request = { headers: [['x-shop', 'violet']] as [string, string][], body }
  const [first, second] = [
    seenRequest({ id: 'req_kept', endedAtMs: 1_001 }),
    seenRequest({ id: 'req_bare', endedAtMs: 1_002 }),
  ]
  relays.clear()
  relays.add('rly_a', {
    ...keeping([{ ...first, request }, second]),
    // As relays answer: of a list, without headers and bodies.
    requests: async () => ({ requests: [first, second] }),
  })
  const path = `/v1/tunnels/${id}/requests`
  const listed = await app.request('GET', path, { headers })
  assert.deepEqual(
    listed.body.items.map((one: TunnelRequest) => one.id),
    ['req_bare', 'req_kept'],
  )
  const refused = await app.request('GET', `${path}/req_kept`, { headers })
  assert.deepEqual([refused.status, refused.body.code], [403, 'tunnel.request_private'])
  assert.ok(!JSON.stringify([listed.body, refused.body]).includes('violet'))
  assert.equal((await app.request('GET', `${path}/req_bare`, { headers })).status, 200)
  assert.equal((await ann.get(`${path}/req_kept`)).body.request.body.text, 'violet')
})
