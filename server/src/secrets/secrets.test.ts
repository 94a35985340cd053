import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { sql } from 'kysely'
import { startApp } from '#test/app.ts'
import { resealAll } from './service.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

/** Bytes that are no secret, or sealed elsewhere. Digests are known by their name or their check. */
const PLAIN = new Set([
  'sealing_keys.wrapped',
  'passkeys.credential_id',
  'passkeys.public_key',
  'audit_heads.previous_signature',
  'audit_heads.signature',
  // By the ticket itself: no key of the installation opens it, so none has to seal it anew.
  'socket_tickets.sealed_credential',
])

test('every column of bytes is a digest, no secret, or declared as sealed', async () => {
  const { db } = app.app.systemContext()
  const { rows } = await sql<{ name: string; definition: string }>`
    select table_name || '.' || column_name as name, coalesce(string_agg(pg_get_constraintdef(c.oid), ' '), '') as definition
    from information_schema.columns
    left join pg_constraint c on c.conrelid = format('public.%I', table_name)::regclass and c.contype = 'c'
    where table_schema = 'public' and data_type = 'bytea'
    group by 1`.execute(db)
  const isDigest = ({ name, definition }: (typeof rows)[number]) =>
    /_(hash|digest)$/.test(name) || definition.includes(`octet_length(${name.split('.')[1]}) = 32`)
  const undeclared = rows.filter((row) => !isDigest(row) && !PLAIN.has(row.name))
  const declared = app.app.secrets.columns.map(({ table, column }) => `${table}.${column}`)
  assert.deepEqual(undeclared.map(({ name }) => name).toSorted(), declared.toSorted())
})

test('what was sealed before a rotation opens after it, and then nothing needs the key from before', async () => {
  const [root, ann] = [await app.superAdmin(), await app.person()]
  const body = { url: 'http://proxy.example:8080', username: 'ann', password: 'secret' }
  await ann.post('/v1/sessions', { proxy: body })
  const before = await eventually('the mail to the newcomer has left the queue', async () => {
    const answer = await root.get('/v1/admin/sealing-keys')
    return answer.body.items[0].records['dev_mails.sealed_content'] >= 1 && answer
  })
  assert.equal(before.body.items.length, 1)
  const [first] = before.body.items
  assert.equal(first.status, 'active')
  assert.ok(first.records['sign_ins.refresh_key'] >= 2)
  assert.equal(first.records['root_secret.sealed'], 1)

  const added = await root.post('/v1/admin/sealing-keys/rotate')
  assert.equal(added.status, 202)
  assert.deepEqual(
    added.body.items.map(({ status }: { status: string }) => status),
    ['active', 'next'],
  )
  const tooEarly = await root.post(`/v1/admin/sealing-keys/${first.id}/retire`)
  assert.deepEqual([tooEarly.status, tooEarly.body.code], [409, 'secrets.not_retiring'])

  // The job of the worker does the same, 15 s later; of two at once, both end well.
  const ctx = app.app.systemContext()
  await resealAll(ctx, { ...app.app.secrets, knownMs: 0 }, { progress: async () => {} })
  const [old, active] = (await root.get('/v1/admin/sealing-keys')).body.items
  assert.deepEqual([old.status, active.status], ['retiring', 'active'])
  assert.deepEqual([old.records, active.id], [{}, added.body.items[1].id])
  assert.deepEqual(active.records, first.records)

  const refreshed = await app.request('POST', '/v1/auth/refresh', {
    body: { refreshToken: ann.refreshToken },
  })
  assert.equal(refreshed.status, 200)
  const kinds = await ctx.db
    .selectFrom('events')
    .select('kind')
    .where('kind', 'like', 'sealing_key.%')
    .orderBy('id')
    .execute()
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    ['sealing_key.added', 'sealing_key.activated'],
  )
  const early = await root.post(`/v1/admin/sealing-keys/${first.id}/retire`)
  assert.deepEqual([early.status, early.body.code], [409, 'secrets.too_early'])
})

test('the worker lets a key seal that was added while another rotation goes on', async () => {
  const queued = await app.app.rotateSealingKeys()
  const next = queued.find(({ status }) => status === 'next')!.id
  const { keys } = app.app.secrets
  await eventually('the next key seals', () => keys.activeId === next, 90_000)
})

test('who may not rotate keys is told so', async () => {
  const ann = await app.person()
  const replies = await Promise.all([
    ann.get('/v1/admin/sealing-keys'),
    ann.post('/v1/admin/sealing-keys/rotate'),
    ann.get('/v1/admin/signing-keys'),
    ann.post('/v1/admin/signing-keys/rotate'),
  ])
  assert.deepEqual(
    replies.map(({ status }) => status),
    [403, 403, 403, 403],
  )
})
