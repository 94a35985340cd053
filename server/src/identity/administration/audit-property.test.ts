import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { eventually } from '#kernel/test-support.ts'
import { appoint } from '#test/accounts.ts'
import { type Answer, type Person, startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()

/** What one call leaves: action, target and result. */
type Trail = [action: string, target: string, result: string]

/** The user who is administrated, as far as the calls depend on it. */
interface Model {
  status: 'active' | 'disabled' | 'leaving'
  tier: string
  firstName: string | undefined
}

interface Call {
  method: 'post' | 'put' | 'delete'
  path: string
  body?: object
  /** The status that it answers with when the caller may, and what it announces of the user then. */
  outcome(model: Model): [status: number, announced?: string]
  /** What is so once it has succeeded. */
  becomes?: Partial<Model>
}

const write = (action: string, announced: string): Call => ({
  ...{ method: 'post', path: `/${action}` },
  outcome: () => [204, announced],
})

const name = (firstName: string): Call => ({
  ...{ method: 'put', path: '', body: { firstName }, becomes: { firstName } },
  outcome: (model) => [200, model.firstName === firstName ? undefined : 'user.changed'],
})

const tier = (tier: string): Call => ({
  ...{ method: 'put', path: '/tier', body: { tier }, becomes: { tier } },
  outcome: (model) => [200, model.tier === tier ? undefined : 'account.tier_changed'],
})

const calls: Record<string, Call> = {
  'call Ann': name('Ann'),
  'call Bob': name('Bob'),
  'give premium': tier('premium'),
  'give free': tier('free'),
  deactivate: {
    ...{ method: 'post', path: '/deactivate', becomes: { status: 'disabled' } },
    outcome: ({ status }) =>
      status === 'leaving' ? [409] : [200, status === 'active' ? 'user.deactivated' : undefined],
  },
  reactivate: {
    ...{ method: 'post', path: '/reactivate', becomes: { status: 'active' } },
    outcome: ({ status }) =>
      status === 'leaving' ? [409] : [200, status === 'disabled' ? 'user.reactivated' : undefined],
  },
  delete: {
    ...{ method: 'delete', path: '', becomes: { status: 'leaving' } },
    outcome: ({ status }) => (status === 'leaving' ? [409] : [202, 'user.deletion_scheduled']),
  },
  'sign out': write('sign-out', 'user.sign_ins_ended'),
  'reset factors': write('reset-factors', 'user.factors_reset'),
  unlock: write('unlock', 'user.unlocked'),
  'mail a reset': {
    ...{ method: 'post', path: '/reset-password' },
    outcome: ({ status }) => (status === 'active' ? [204, 'user.reset_mailed'] : [409]),
  },
  'set what cannot be set': {
    ...{ method: 'put', path: '', body: { emailVerified: 'yes' } },
    outcome: () => [400],
  },
  'act on nobody': {
    ...{ method: 'post', path: '/../usr_00000000000000000000000000/unlock' },
    outcome: () => [404],
  },
}

const roles = ['super-admin', 'admin', 'support'] as const
const plan = fc.array(
  fc.record({ by: fc.constantFrom(...roles), what: fc.constantFrom(...Object.keys(calls)) }),
  { minLength: 1, maxLength: 12 },
)

async function staff(role: (typeof roles)[number]): Promise<Person> {
  const person = await app.person(role)
  await appoint(app, person, role)
  return person
}

function send(caller: Person, { method, path, body }: Call, base: string): Promise<Answer> {
  const url = new URL(base + path, 'http://x').pathname
  return method === 'delete' ? caller.delete(url) : caller[method](url, body)
}

test('P24, admin audit: every call on a user that changes something leaves one entry with actor, target and result, every forbidden one too, and no other any', async () => {
  const property = fc.asyncProperty(plan, async (steps) => {
    const [one, two, three] = [await staff(roles[0]), await staff(roles[1]), await staff(roles[2])]
    const callers = { 'super-admin': one, admin: two, support: three }
    const target = await app.person('target')
    const base = `/v1/admin/users/${target.userId}`
    const model: Model = { status: 'active', tier: 'free', firstName: undefined }
    const trails: Record<string, Trail[]> = { 'super-admin': [], admin: [], support: [] }
    for (const { by, what } of steps) {
      const call = calls[what]!
      const answer = await send(callers[by], call, base)
      if (by === 'support') {
        assert.equal(answer.status, 403, what)
        trails[by]!.push(refusalOf(call))
        continue
      }
      const [status, announced] = call.outcome(model)
      assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`)
      if (status < 300) Object.assign(model, call.becomes)
      const about = announced === 'account.tier_changed' ? target.accountId : target.userId
      if (announced) trails[by]!.push([announced, about, 'succeeded'])
    }
    for (const by of ['super-admin', 'admin']) {
      assert.deepEqual((await trailOf(callers[by as 'admin'])).slice(1), trails[by])
    }
    // Repeats of a refusal are counted in one entry.
    const wanted = [...new Set(trails.support!.map((one) => one.join(' ')))].sort()
    const refused = async () =>
      (await trailOf(three))
        .slice(1)
        .map((one) => one.join(' '))
        .sort()
    await eventually(
      'the refusals are there',
      async () => (await refused()).length >= wanted.length,
    )
    assert.deepEqual(await refused(), wanted)
  })
  await fc.assert(property, { numRuns: 12, endOnFailure: true })
})

function refusalOf({ method, path }: Call): Trail {
  const last = path.slice(path.lastIndexOf('/') + 1)
  const route = `/api/v1/admin/users/:id${last && `/${last}`}`
  return ['access.refused', `${method.toUpperCase()} ${route}`, 'refused']
}

/** What somebody did, the oldest first. */
async function trailOf({ userId }: Person): Promise<Trail[]> {
  const { items } = (await root.get(`/v1/admin/audit?actor=${userId}&limit=100`)).body
  const trail = items.map(({ action, target, result }: Record<string, string>) => {
    return [action, target, result]
  })
  return trail.reverse()
}
