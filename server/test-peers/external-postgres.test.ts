import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GantryProcess } from './gantry-process.ts'
import { findPostgres, PostgresPeer } from './postgres-peer.ts'

const postgres = await findPostgres()
const credentials = { email: 'ann@example.test', password: 'plum-harbour-quiet-lantern-93' }

test('an external PostgreSQL whose owner is no superuser holds everything, also across a restart', async (t) => {
  if ('missing' in postgres) return t.skip(postgres.missing)
  await using peer = await PostgresPeer.start(postgres.bin)
  await using first = await GantryProcess.start({ DATABASE_URL: peer.url })

  const registered = await first.request('POST', '/api/v1/auth/register', { body: credentials })
  assert.equal(registered.status, 201)
  const token = registered.body.accessToken as string
  const created = await first.request('POST', '/api/v1/sessions', { token, body: {} })
  assert.equal(created.status, 201, JSON.stringify(created.body))
  const session = `/api/v1/sessions/${created.body.id}`
  const ended = await first.request('DELETE', session, { token })
  assert.equal(ended.status, 200)
  assert.equal(ended.body.status, 'closed')

  // Mails leave whenever a worker gets to them.
  const kinds = await peer.query(
    `select kind from events where kind not like 'mail.%' order by epoch, xid, id`,
  )
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    [
      ...['relay.joined', 'user.registered', 'user.signed_in'],
      ...['session.created', 'session.started', 'session.ended'],
    ],
  )

  assert.equal(await first.stop(), 0)
  await using second = await GantryProcess.start({ DATABASE_URL: peer.url }, first.home)
  const again = await second.request('POST', '/api/v1/auth/login', { body: credentials })
  assert.equal(again.status, 200)
  const kept = await second.request('GET', session, { token: again.body.accessToken as string })
  assert.deepEqual([kept.status, kept.body.endReason], [200, ended.body.endReason])
})
