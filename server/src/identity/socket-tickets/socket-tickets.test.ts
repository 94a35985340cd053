import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { addMember, forAccount, found } from '#test/accounts.ts'
import { type Person, startApp, type TestApp } from '#test/app.ts'
import { TestClock } from '#test/clock.ts'
import { tidySignIns } from '../tidy-sign-ins.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const clock = new TestClock()
const logged = new PassThrough()
const log = text(logged)
const app = stack.use(await startApp({ clock, logTo: logged, env: { LOG_LEVEL: 'debug' } }))
const CHANNEL = '/socket.io'
const HANDSHAKE = '/socket.io/?EIO=4&transport=websocket'
const TICKETS = '/v1/auth/ws-ticket'
const INVALID = [401, 'auth.ticket_invalid']
const seen: string[] = []

async function ticketOf(
  person: Pick<Person, 'post'>,
  path = CHANNEL,
  headers = {},
): Promise<string> {
  const { status, body } = await person.post(TICKETS, { path }, headers)
  assert.equal(status, 201, JSON.stringify(body))
  seen.push(body.ticket)
  return body.ticket
}

const named = (ticket: string) => `gantry.ticket.${ticket}`

interface Knock {
  path?: string
  protocols?: string[]
  headers?: Record<string, string>
  at?: TestApp
}

/** What an upgrade is answered: the status, and the protocol or the code of the problem. */
async function knock({ path = HANDSHAKE, protocols = [], headers = {}, at = app }: Knock) {
  const socket = new WebSocket(at.url.replace('http', 'ws') + path, protocols, { headers })
  socket.on('error', () => {})
  const answer = Promise.race([
    once(socket, 'open').then(() => [101, socket.protocol]),
    once(socket, 'unexpected-response').then(async ([, response]) => {
      const body = await text(response)
      for (const ticket of seen) assert.ok(!body.includes(ticket), body)
      return [response.statusCode, body && JSON.parse(body).code]
    }),
  ])
  return answer.finally(() => socket.terminate())
}

const withTicket = (ticket: string, more: Knock = {}) =>
  knock({ ...more, protocols: ['gantry', named(ticket)] })

test('T18: a ticket opens its socket once, and is refused before 101 the second time', async () => {
  const ann = await app.person('ann')
  const ticket = await ticketOf(ann)
  assert.deepEqual(await withTicket(ticket), [101, 'gantry'])
  assert.deepEqual(await withTicket(ticket), INVALID)
  const alone = await ticketOf(ann)
  assert.deepEqual(await knock({ protocols: [named(alone)] }), [101, named(alone)])
})

test('T18: of many at once with one ticket one is let in', async () => {
  const ticket = await ticketOf(await app.person('ann'))
  const answers = await Promise.all(Array.from({ length: 8 }, () => withTicket(ticket)))
  assert.equal(answers.filter(([status]) => status === 101).length, 1)
  assert.equal(answers.filter(([, code]) => code === 'auth.ticket_invalid').length, 7)
})

test('T18: a ticket that has expired, is of another path, cut off or made up is refused, and used up with that', async () => {
  const ann = await app.person('ann')
  const late = await ticketOf(ann)
  clock.advance(30_000)
  assert.deepEqual(await withTicket(late), INVALID)
  const other = await ticketOf(ann, '/cdp')
  assert.deepEqual(await withTicket(other), INVALID)
  assert.deepEqual(await withTicket(other, { path: '/cdp' }), INVALID)
  const good = await ticketOf(ann)
  for (const wrong of [good.slice(0, -1), good.replace('gty_wt1_', 'gty_rt1_'), '', 'x']) {
    assert.deepEqual(await withTicket(wrong), INVALID, wrong)
  }
  assert.deepEqual(await withTicket(`gty_wt1_${'0'.repeat(64)}`), INVALID)
  assert.deepEqual(await withTicket(good), [101, 'gantry'])
})

test('T18: a page of elsewhere gets nothing for a ticket, and the ticket stays', async () => {
  const ticket = await ticketOf(await app.person('ann'))
  const headers = { origin: 'https://evil.example' }
  assert.deepEqual((await withTicket(ticket, { headers }))[0], 403)
  assert.deepEqual(await withTicket(ticket, { headers: { origin: app.url } }), [101, 'gantry'])
})

test('T18: a token, a key or a ticket in the query is none, and two credentials are refused', async () => {
  const ann = await app.person('ann')
  const live = '/api/v1/sessions/ses_00000000000000000000000000/live'
  const made = await ann.post('/v1/api-keys', { name: 'page', scopes: ['sessions.*'] })
  const ticket = await ticketOf(ann, live)
  const channelTicket = await ticketOf(ann)
  for (const [name, value] of [
    ['token', ann.accessToken],
    ['access_token', ann.accessToken],
    ['apiKey', made.body.key],
    ['ticket', ticket],
  ]) {
    const refused = await knock({ path: `${live}?${name}=${value}` })
    assert.deepEqual(refused, [401, 'auth.unauthenticated'], name)
  }
  const token = await knock({ path: `/cdp?token=${ann.accessToken}` })
  assert.deepEqual(token, [401, 'auth.unauthenticated'])
  const headers = { authorization: `Bearer ${ann.accessToken}` }
  assert.equal((await withTicket(channelTicket, { headers }))[0], 400)
  const another = named(await ticketOf(ann))
  assert.equal((await knock({ protocols: [named(channelTicket), another] }))[0], 400)
})

test('T18: after sign-out, and with a key that was revoked, tickets open nothing', async () => {
  const ann = await app.person('ann')
  const made = await ann.post('/v1/api-keys', { name: 'page', scopes: ['sessions.read'] })
  const authorization = `Bearer ${made.body.key}`
  const ofKey = await ticketOf(ann, CHANNEL, { authorization })
  const [ofSignIn, gone] = [await ticketOf(ann), await ticketOf(ann, CHANNEL, { authorization })]
  assert.deepEqual(await withTicket(ofKey), [101, 'gantry'])
  await ann.delete(`/v1/api-keys/${made.body.id}`)
  assert.deepEqual(await withTicket(gone), [401, 'auth.key_ended'])
  assert.equal((await ann.post('/v1/auth/logout')).status, 204)
  assert.deepEqual(await withTicket(ofSignIn), [401, 'auth.unauthenticated'])
})

test('a ticket is for those who may open the socket, and for paths that take tickets', async () => {
  const ann = await app.person('ann')
  const ask = async (path: string, headers = {}) => {
    const { status, body } = await ann.post(TICKETS, { path }, headers)
    return [status, body.code]
  }
  const made = await ann.post('/v1/api-keys', { name: 'reader', scopes: ['sessions.read'] })
  const reader = { authorization: `Bearer ${made.body.key}` }
  assert.deepEqual(await ask('/cdp', reader), [403, 'auth.forbidden'])
  assert.deepEqual(await ask('/socket.io/', reader), [201, undefined])
  for (const path of ['/', '/nowhere', '/cdp/ses_1/secret', '/live/ses_1/secret', '/cdp/']) {
    assert.equal((await ask(path))[0], 400, path)
  }
  for (const path of ['/cdp?apiKey=x', 'https://a.example/cdp', '//cdp', 'cdp', '/../cdp#x']) {
    assert.deepEqual(await ask(path), [400, 'request.invalid'], path)
  }
  const stranger = await app.request('POST', TICKETS, { body: { path: '/cdp' } })
  assert.deepEqual([stranger.status, stranger.body.code], [401, 'auth.unauthenticated'])
})

test('a person has 20 open tickets at most, however many are asked for at once, and a used one makes room', async () => {
  const ann = await app.person('ann')
  const asked = Array.from({ length: 24 }, () => ann.post(TICKETS, { path: CHANNEL }))
  const answers = await Promise.all(asked)
  const made = answers.filter(({ status }) => status === 201)
  assert.equal(made.length, 20)
  const refused = answers.find(({ status }) => status !== 201)!
  assert.deepEqual([refused.status, refused.body.code], [429, 'auth.too_many_tickets'])
  assert.ok(refused.headers.get('retry-after'))
  assert.deepEqual(await withTicket(made[0]!.body.ticket), [101, 'gantry'])
  await ticketOf(ann)
  await ticketOf(await app.person('ben'))
  clock.advance(30_000)
  await ticketOf(ann)
})

test('a ticket acts for the account that it was made in, and no other', async () => {
  const [ann, ben] = [await app.person('ann'), await app.person('ben')]
  const org = await found(ann, app.unique('org'))
  await addMember(app, org, ben, 'member')
  const live = '/v1/sessions/ses_00000000000000000000000000/live'
  const path = `/api${live}`
  const there = await ticketOf(ben, live, forAccount(org))
  assert.deepEqual(await withTicket(there, { path }), [404, 'session.not_found'])
  const late = await ticketOf(ben, live, forAccount(org))
  assert.equal((await ann.delete(`/v1/accounts/${org}/members/${ben.userId}`)).status, 204)
  assert.deepEqual(await withTicket(late, { path }), [404, 'account.not_found'])
  const foreign = await ben.post(TICKETS, { path: live }, forAccount(ann.accountId))
  assert.equal(foreign.status, 404)
})

test('what is kept of a ticket opens nothing, and is gone once it is over', async () => {
  const ann = await app.person('ann')
  const ticket = await ticketOf(ann)
  const { db } = app.app.systemContext()
  const rows = () =>
    db.selectFrom('socketTickets').selectAll().where('userId', '=', ann.userId).execute()
  const [row] = await rows()
  const kept = JSON.stringify(row) + row!.sealedCredential.toString('latin1')
  for (const secret of [ticket, ticket.slice(8), ann.accessToken]) {
    assert.ok(!kept.includes(secret), secret)
  }
  clock.advance(31_000)
  const ctx = app.app.systemContext()
  const run = { id: 'a', retries: 0, progress: async () => undefined }
  await tidySignIns.run(ctx, {}, run)
  assert.deepEqual(await rows(), [])
})

after(async () => {
  await app[Symbol.asyncDispose]()
  logged.end()
  const lines = await log
  assert.ok(lines.length > 0 && seen.length > 0)
  for (const ticket of seen) assert.ok(!lines.includes(ticket), 'a ticket is in the log')
})
