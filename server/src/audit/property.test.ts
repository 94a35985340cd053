import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const root = await app.superAdmin()

/** What one call leaves: action, target and result. */
type Trail = [action: string, target: string | undefined, result: string]

interface Scene {
  admin: Person
  ordinary: Person
  keys: string[]
  trail: Trail[]
  flag: string
}

const calls = {
  'change a flag': async ({ admin, trail, flag }: Scene) => {
    const value = (await admin.get('/v1/admin/feature-flags')).body.items[0].value
    await admin.put('/v1/admin/feature-flags', { [flag]: !value })
    trail.push(['setting.changed', flag, 'succeeded'])
  },
  'set a flag to what it is': async ({ admin, flag }: Scene) => {
    const value = (await admin.get('/v1/admin/feature-flags')).body.items[0].value
    await admin.put('/v1/admin/feature-flags', { [flag]: value })
  },
  'set an unknown flag': async ({ admin }: Scene) => {
    assert.equal((await admin.put('/v1/admin/feature-flags', { moonshine: true })).status, 400)
  },
  'make a key': async ({ admin, keys, trail }: Scene) => {
    const { body } = await admin.post('/v1/api-keys', { name: 'k', scopes: ['sessions.read'] })
    keys.push(body.id)
    trail.push(['api_key.created', body.id, 'succeeded'])
  },
  'revoke a key': async ({ admin, keys, trail }: Scene) => {
    const id = keys.pop()
    if (id === undefined) return
    await admin.delete(`/v1/api-keys/${id}`)
    trail.push(['api_key.revoked', id, 'succeeded'])
  },
  'revoke a key that is none': async ({ admin }: Scene) => {
    assert.equal((await admin.delete('/v1/api-keys/key_00000000000000000000000000')).status, 404)
  },
  'export the log': async ({ admin, trail }: Scene) => {
    await admin.get('/v1/admin/audit/export?from=2026-01-01T00:00:00Z&q=nothingatall')
    trail.push(['export.fetched', undefined, 'succeeded'])
    trail.push(['audit.exported', undefined, 'succeeded'])
  },
  'read the log': async ({ admin }: Scene) => {
    assert.equal((await admin.get('/v1/admin/audit?limit=1')).status, 200)
  },
} satisfies Record<string, (scene: Scene) => Promise<void>>

const forbidden = ['/v1/admin/config', '/v1/admin/jobs', '/v1/admin/audit', '/v1/admin/errors']

const names = Object.keys(calls) as (keyof typeof calls)[]
const plans = fc.record({
  privileged: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 8 }),
  refused: fc.array(fc.constantFrom(...forbidden), { maxLength: 5 }),
})

test('P24, admin audit: any sequence of privileged calls leaves exactly its trail', async () => {
  const [{ name: flag, value }] = (await root.get('/v1/admin/feature-flags')).body.items
  // Set once, whoever sets it to the same again changes nothing.
  assert.equal((await root.put('/v1/admin/feature-flags', { [flag]: value })).status, 200)
  const property = fc.asyncProperty(plans, async ({ privileged, refused }) => {
    const scene: Scene = {
      ...{ admin: await app.superAdmin(), ordinary: await app.person(), keys: [], trail: [], flag },
    }
    for (const name of privileged) await calls[name](scene)
    for (const path of refused) assert.equal((await scene.ordinary.get(path)).status, 403)
    // Their own sign-in comes first.
    assert.deepEqual((await trailOf(scene.admin)).slice(1), scene.trail)
    const wanted = [...new Set(refused)].map((path): Trail => [
      'access.refused',
      `GET /api${path}`,
      'refused',
    ])
    const refusals = async () => (await trailOf(scene.ordinary)).slice(1)
    await eventually('the refusals are there', async () => {
      return (await refusals()).length >= wanted.length
    })
    assert.deepEqual((await refusals()).sort(), wanted.sort())
  })
  await fc.assert(property, { numRuns: 12, endOnFailure: true })
})

/** What somebody did, the oldest first, without what they did to be here. */
async function trailOf({ userId }: Person): Promise<Trail[]> {
  const { items } = (await root.get(`/v1/admin/audit?actor=${userId}&limit=100`)).body
  const trail = items.map(({ action, target, result }: Record<string, string>) => [
    action,
    target,
    result,
  ])
  return trail.reverse()
}
