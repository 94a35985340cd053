import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { serveHttp, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())
const SESSION = { kind: 'session', sessionId: 'ses_1' } as const
const grant = { id: 'shr_1', kind: 'account' } as const
const access = { policy: 'members', grants: [grant] } as const

/** One request on a connection of a session. */
async function ask(visit: Parameters<typeof relay.relay.side.connect>[0], path = '/') {
  const stream = relay.relay.side.connect(visit)
  const sent = request({ createConnection: () => stream, path, headers: { host: 'shop.tunnel' } })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, body: await text(answer), answer }
}

/** As `ask`, again when it was cut: what lost its right at that moment is. */
function askUncut(visit: Parameters<typeof ask>[0]) {
  return eventually('it is answered', () => ask(visit).catch(() => undefined))
}

test('T62: what let a session in is asked of each request, on whatever connection it comes', async () => {
  const heads: IncomingMessage[] = []
  await using service = await serveHttp((head, answer) => {
    heads.push(head)
    answer.end('shop')
  })
  const spec = relay.control.add('granted', [service.port], { access })
  await using _ = await startAgent(relay, [spec])
  const visit = { ...SESSION, tunnelId: spec.id }
  assert.equal((await ask({ ...visit, grantId: grant.id })).body, 'shop')
  assert.equal((await ask(visit)).body, 'shop', 'of the account’s own session')
  const other = await ask({ ...visit, grantId: 'shr_other' })
  assert.deepEqual([other.status, heads.length], [403, 2])
  assert.match(other.body, /tunnel\.grant_ended/)
  assert.equal(heads[0]!.headers.host, 'shop.tunnel')
  assert.equal(heads[0]!.headers['x-forwarded-host'], 'shop.tunnel')

  relay.control.change(spec.id, { access: { ...access, grants: [] } })
  await eventually('the relay has heard that it is not shared any more', async () => {
    return (await askUncut({ ...visit, grantId: grant.id })).status === 403
  })
  relay.control.change(spec.id, {
    access: { ...access, grants: [{ ...grant, expiresAtMs: 1 }] },
  })
  assert.equal((await askUncut({ ...visit, grantId: grant.id })).status, 403)
  assert.equal((await ask(visit)).status, 200)
})

test('a session is refused once the account of the tunnel has used up its bytes', async () => {
  await using service = await serveHttp((_head, answer) => void answer.end('shop'))
  const spec = relay.control.add('used', [service.port])
  await using _ = await startAgent(relay, [spec])
  const visit = { ...SESSION, tunnelId: spec.id }
  assert.equal((await ask(visit)).status, 200)
  const untilMs = Date.now() + 3_600_000
  relay.control.change(spec.id, { blocked: { untilMs, detail: 'All is used.' } as never })
  await eventually('the relay has heard', async () => (await ask(visit)).status === 429)
})

test('a decision tells which session it was', async () => {
  await using service = await serveHttp((_head, answer) => void answer.end('shop'))
  const spec = relay.control.add('told', [service.port])
  await using _ = await startAgent(relay, [spec])
  await ask({ ...SESSION, tunnelId: spec.id }, '/cart')
  const seen = await eventually('it was written down', async () => {
    const { requests } = await relay.relay.calls.requests({ tunnelId: spec.id, limit: 1 })
    return requests[0]
  })
  assert.deepEqual([seen.path, seen.visitor, seen.status], ['/cart', 'ses_1', 200])
})
