import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addMember, appoint, forAccount, found } from '#test/accounts.ts'
import { type Answer, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const SECRET = 'Bearer violet-tractor-nine'
const config = {
  requestHeaders: { set: { Authorization: SECRET }, remove: ['x-old'] },
  responseHeaders: { set: { 'X-Shop': SECRET }, remove: [] },
  basicAuth: { username: 'harbour', password: 'quiet lantern' },
}
const redacted = {
  requestHeaders: { set: { Authorization: '[redacted]' }, remove: ['x-old'] },
  responseHeaders: { set: { 'X-Shop': '[redacted]' }, remove: [] },
  basicAuth: { username: '[redacted]', hasPassword: true },
}

/** A tunnel of an account, and everybody who reads it: those who may change it, and those who may not. */
async function shared() {
  const [ann, bob, cid, dan, sue] = await Promise.all(
    ['ann', 'bob', 'cid', 'dan', 'sue'].map((name) => app.person(name)),
  )
  const accountId = await found(ann!, 'Shop')
  const own = forAccount(accountId)
  await addMember(app, accountId, bob!, 'viewer')
  const { id } = (await ann!.post('/v1/tunnels', { name: app.unique('shop'), config }, own)).body
  const path = `/v1/tunnels/${id}`
  for (const [person, permission] of [
    [cid!, 'manage'],
    [dan!, 'read'],
  ] as const) {
    const made = { kind: 'user', userId: person.userId, permission }
    assert.equal((await ann!.post(`${path}/shares`, made, own)).status, 201)
  }
  const keyed = async (scopes: string[]) => {
    const { body } = await ann!.post('/v1/api-keys', { name: app.unique('key'), scopes }, own)
    return { authorization: `Bearer ${body.key}` }
  }
  await appoint(app, sue!, 'support')
  const reason = { reason: 'Ticket 4711' }
  const lent = await sue!.post(`/v1/admin/users/${ann!.userId}/impersonate`, reason)
  const bearer = { authorization: `Bearer ${lent.body.accessToken}` }
  const read = (headers: Record<string, string>) => (at: string) =>
    app.request('GET', `${path}${at}`, { headers })
  return {
    ...{ ann: ann!, own, path, id },
    writers: {
      owner: (at: string) => ann!.get(`${path}${at}`, own),
      manager: (at: string) => cid!.get(`${path}${at}`),
      'key that writes': read(await keyed(['tunnels.read', 'tunnels.write'])),
    },
    readers: {
      viewer: (at: string) => bob!.get(`${path}${at}`, own),
      reader: (at: string) => dan!.get(`${path}${at}`),
      'key that reads': read(await keyed(['tunnels.read'])),
      'staff who act as the owner': read({ ...bearer, ...own }),
    },
  }
}

const configIn = ({ body }: Answer, at: string) => (at === '' ? body.config : body)
const membersOf = ({ requestHeaders, responseHeaders, basicAuth }: Answer['body']) => {
  return { requestHeaders, responseHeaders, basicAuth }
}

test('values of header rules are shown to those who may change the tunnel, and their names to all who may read it', async () => {
  const { writers, readers, ann, own } = await shared()
  for (const at of ['', '/config']) {
    for (const [who, read] of Object.entries(writers)) {
      const answer = await read(at)
      assert.equal(answer.status, 200, `${who}: ${JSON.stringify(answer.body)}`)
      const { requestHeaders, basicAuth } = configIn(answer, at)
      assert.deepEqual(requestHeaders, config.requestHeaders, who)
      assert.deepEqual(basicAuth, { username: 'harbour', hasPassword: true }, who)
    }
    for (const [who, read] of Object.entries(readers)) {
      const answer = await read(at)
      assert.equal(answer.status, 200, `${who}: ${JSON.stringify(answer.body)}`)
      assert.deepEqual(membersOf(configIn(answer, at)), redacted, who)
    }
  }
  const listed = (await ann.get('/v1/tunnels', own)).body.items[0]
  assert.deepEqual(listed.config.requestHeaders, config.requestHeaders)
  const members = await app.app.systemContext().db.selectFrom('events').selectAll().execute()
  assert.ok(!/violet|harbour|lantern/.test(JSON.stringify(members)), 'no event tells them')
})

test('what was read without its values cannot be written back over them', async () => {
  const { ann, own, path, readers } = await shared()
  const read = (await readers.viewer('/config')).body
  const whole = await ann.put(`${path}/config`, read, own)
  assert.deepEqual([whole.status, whole.body.code], [422, 'tunnel.value_redacted'])
  assert.match(
    whole.body.detail,
    /requestHeaders\.set\.Authorization, responseHeaders\.set\.X-Shop, basicAuth\.username/,
  )
  const { requestHeaders } = read
  const part = await ann.patch(path, { config: { requestHeaders } }, own)
  assert.deepEqual([part.status, part.body.code], [422, 'tunnel.value_redacted'])
  assert.match(part.body.suggestion, /Leave the member out/)
  const created = await ann.post('/v1/tunnels', { config: { requestHeaders } })
  assert.deepEqual([created.status, created.body.code], [422, 'tunnel.value_redacted'])
  const other = await ann.patch(path, { config: { queueSeconds: 7 } }, own)
  assert.deepEqual(
    [other.status, other.body.config.requestHeaders],
    [200, config.requestHeaders],
    'what is left out stays',
  )
  const history = (await ann.get(`${path}/history`, own)).body
  assert.ok(!JSON.stringify(history).includes('violet'))
})
