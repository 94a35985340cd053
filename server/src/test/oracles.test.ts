import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { addMember, forAccount, found } from './accounts.ts'
import { type Answer, startApp } from './app.ts'

const LIMIT = 100
const app = await startApp({ env: { MISSED_REQUESTS: String(LIMIT) } })
after(() => app[Symbol.asyncDispose]())

/** What an answer tells beyond what was asked. */
function told({ status, body }: Answer, ...asked: string[]): string {
  const { correlationId: _id, ...rest } = body
  return asked.reduce((text, one) => text.replaceAll(one, '…'), JSON.stringify({ status, ...rest }))
}

function randomId(prefix: string): string {
  return app.app.systemContext().newId(prefix)
}

test('T68: ids of others and of nobody get one answer, a flood of them is refused and raises an alert', async () => {
  const [ann, bob] = [await app.person('ann'), await app.person('bob')]
  const keys = await Promise.all(
    Array.from({ length: 10 }, () =>
      ann.post('/v1/api-keys', { name: 'x', scopes: ['sessions.read'] }),
    ),
  )
  const real = keys.map(({ body }) => body.id as string)
  const ids = [...real, ...real.map(() => randomId('key'))]
  const answers = await Promise.all(
    ids.map(async (id) => told(await bob.get(`/v1/api-keys/${id}`), id)),
  )
  assert.equal(new Set(answers).size, 1, [...new Set(answers)].join('\n'))
  assert.match(answers[0]!, /"status":404/)

  const statuses: number[] = []
  for (let turn = 0; turn < 20; turn++) {
    const some = Array.from({ length: 10 }, () => bob.get(`/v1/sessions/${randomId('ses')}`))
    statuses.push(...(await Promise.all(some)).map(({ status }) => status))
  }
  assert.deepEqual(new Set(statuses), new Set([404, 429]))
  const missed = statuses.filter((status) => status === 404).length
  assert.ok(missed <= LIMIT, `${missed} were looked for`)
  const refused = await bob.get(`/v1/api-keys/${real[0]}`)
  assert.deepEqual([refused.status, refused.body.code], [429, 'request.too_many_misses'])
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.equal((await bob.get('/v1/sessions')).status, 200, 'what names no id goes on')
  assert.equal((await ann.get(`/v1/api-keys/${real[0]}`)).status, 200, 'and so do others')

  const { db } = app.app.systemContext()
  const alert = await eventually('the alert', () =>
    db
      .selectFrom('alerts')
      .select(['kind', 'times'])
      .where('subject', '=', bob.userId)
      .executeTakeFirst(),
  )
  assert.deepEqual(alert, { kind: 'many_misses', times: 1 })
})

test('T68: a new key of theirs gives nobody another try', async () => {
  const bob = await app.person('bob')
  const made = await bob.post('/v1/api-keys', { name: 'x', scopes: ['sessions.*'] })
  for (let turn = 0; turn < LIMIT; turn++) await bob.get(`/v1/sessions/${randomId('ses')}`)
  const headers = { authorization: `Bearer ${made.body.key}` }
  const { status } = await app.request('GET', `/v1/sessions/${randomId('ses')}`, { headers })
  assert.equal(status, 429)
})

test('a stolen key that guesses does not keep its owner from revoking it', async () => {
  const bob = await app.person('bob')
  const [stolen, other] = await Promise.all(
    ['stolen', 'other'].map((name) => bob.post('/v1/api-keys', { name, scopes: ['sessions.*'] })),
  )
  const guess = (key: { body: { key: string } }) =>
    app.request('GET', `/v1/sessions/${randomId('ses')}`, {
      headers: { authorization: `Bearer ${key.body.key}` },
    })
  for (let turn = 0; turn < LIMIT; turn++) await guess(stolen!)
  assert.equal((await guess(stolen!)).status, 429)
  assert.equal((await guess(other!)).status, 429)
  assert.equal((await bob.get(`/v1/api-keys/${stolen!.body.id}`)).status, 200)
  assert.equal((await bob.delete(`/v1/api-keys/${stolen!.body.id}`)).status, 204)
})

test('a program that polls what has ended is no guesser, and changes of what is not there count each time', async () => {
  const bob = await app.person('bob')
  const ended = Array.from({ length: 8 }, () => `/v1/sessions/${randomId('ses')}`)
  for (let turn = 0; turn < LIMIT + 20; turn++) {
    assert.equal((await bob.get(ended[turn % ended.length]!)).status, 404)
  }
  for (let turn = ended.length; turn < LIMIT; turn++) await bob.delete(ended[0]!)
  assert.equal((await bob.get(ended[0]!)).status, 429)
})

test('T68: accounts of others are not there, by path and by header, and neither are their people', async () => {
  const [root, ann, bob] = [await app.superAdmin(), await app.person('ann'), await app.person()]
  const org = await found(root, app.unique('org'))
  await addMember(app, org, ann, 'owner')
  const nobody = randomId('acc')
  const asks: ((id: string) => Promise<Answer>)[] = [
    (id) => bob.get(`/v1/accounts/${id}`),
    (id) => bob.get(`/v1/accounts/${id}/members`),
    (id) => bob.patch(`/v1/accounts/${id}`, { name: 'Mine' }),
    (id) => bob.delete(`/v1/accounts/${id}`),
    (id) => bob.delete(`/v1/accounts/${id}/members/${ann.userId}`),
    (id) => bob.get('/v1/sessions', forAccount(id)),
    (id) => bob.post('/v1/sessions', {}, forAccount(id)),
  ]
  for (const ask of asks) {
    const [real, unreal] = [told(await ask(org), org), told(await ask(nobody), nobody)]
    assert.equal(real, unreal)
    assert.match(real, /"status":404/)
  }
})

test('T68: no link, reset or invitation tells whether there is a user, or whether a token ever was', async () => {
  const [ann, lead] = [await app.person('ann'), await app.person('lead')]
  const unknown = `${app.unique('nobody')}@example.test`
  const forgot = (email: string) =>
    app.request('POST', '/v1/auth/forgot-password', { body: { email } })
  const [known, other] = [await forgot(ann.email), await forgot(unknown)]
  assert.deepEqual([known.status, String(known.body)], [other.status, String(other.body)])
  assert.equal(known.status, 202)

  const invite = async (email: string) => {
    const { status, body } = await lead.post('/v1/invitations', { email, role: 'viewer' })
    return [status, Object.keys(body).sort()]
  }
  assert.deepEqual(await invite(ann.email), await invite(unknown))

  const { link } = await app.mailTo(ann.email, 'invitation')
  const token = link!.split('=').at(-1)
  assert.ok(token)
  const flipped = (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
  for (const path of ['/v1/auth/reset-password', '/v1/auth/verify-email']) {
    const password = 'plum-harbour-quiet-lantern-94'
    const body = (token: string) => (path.includes('reset') ? { token, password } : { token })
    const ask = async (token: string) =>
      told(await app.request('POST', path, { body: body(token) }), token)
    assert.equal(await ask(token), await ask(flipped), 'of another purpose, and of none')
  }
})
