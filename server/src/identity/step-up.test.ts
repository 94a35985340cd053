import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const SIX_MINUTES_MS = 6 * 60 * 1000

test('T35: keys are made, replaced and rotated soon after a proof of who asks, and not by an old sign-in', async () => {
  const root = await app.superAdmin()
  const { db } = app.app.systemContext()
  const body = { name: 'a program', scopes: ['sessions.read'] }
  const made = await root.post('/v1/api-keys', body)
  assert.equal(made.status, 201)
  const steppedUpAt = new Date(Date.now() - SIX_MINUTES_MS)
  await db.updateTable('signIns').set({ steppedUpAt }).where('userId', '=', root.userId).execute()
  const sensitive = [
    ['/v1/api-keys', body],
    [`/v1/api-keys/${made.body.id}/rotate`],
    ['/v1/admin/signing-keys/rotate'],
    ['/v1/admin/sealing-keys/rotate'],
    ['/v1/admin/sealing-keys/0123456789abcdef/retire'],
  ] as const
  for (const [path, wanted] of sensitive) {
    const { status, body } = await root.post(path, wanted)
    assert.deepEqual([status, body.code], [403, 'auth.step_up_required'], path)
    assert.match(body.suggestion, /step-up/)
  }
  const proof = await root.post('/v1/auth/step-up', { password: root.password })
  assert.equal(proof.status, 200)
  assert.equal((await root.post('/v1/api-keys', body)).status, 201)
})
