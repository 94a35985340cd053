import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { after, test } from 'node:test'
import { register } from './register.ts'
import type { Person } from './schema.ts'
import { signOut } from './sign-ins.ts'
import {
  ADDRESS,
  CHEAP,
  codeOf,
  hashesDuring,
  openTestIdentity,
  PASSWORD,
  type TestIdentity,
  signIn,
} from './test-support.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())
const { db, clock, tools, nobody } = app

const UNAUTHENTICATED = 'auth.unauthenticated'
const IP = ADDRESS.ipAddress!

function enter(email: string, password = PASSWORD, with_ = tools) {
  return signIn(with_, nobody, { email, password }, ADDRESS)
}

function enrol(input: Partial<Person>, with_: TestIdentity['tools'] = tools) {
  const person = { email: `${crypto.randomUUID()}@example.com`, password: PASSWORD, ...input }
  return register(with_, nobody, person, ADDRESS)
}

async function setUser(id: string, change: { status?: 'disabled'; ver?: number }): Promise<void> {
  await db.updateTable('users').set(change).where('id', '=', id).execute()
}

test('registering makes a user, an account that the user owns, and a sign-in', async () => {
  const { user, ...tokens } = await enrol({ firstName: 'Ann', lastName: 'Lovelace' })
  assert.equal(tokens.expiresInSeconds, 600)
  assert.deepEqual(user.roles, ['account-owner'])
  assert.deepEqual([user.tier, user.emailVerified, user.firstName], ['free', false, 'Ann'])
  const account = await db
    .selectFrom('accounts')
    .selectAll()
    .where('id', '=', user.accountId)
    .executeTakeFirstOrThrow()
  assert.deepEqual([account.name, account.kind], ['Ann Lovelace', 'personal'])
  const { actor } = await app.ctxOf(tokens)
  assert.ok(actor.kind === 'user')
  assert.deepEqual([actor.userId, actor.accountId], [user.id, user.accountId])
  const events = await app.eventsOf(user.id)
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['user.registered', 'user.signed_in'],
  )
})

test('an address is taken in every spelling, and nothing is left of the second try', async () => {
  const { user } = await enrol({ email: 'Kate.Rene\u0301@Example.com' })
  assert.equal(user.email, 'Kate.Rene\u0301@Example.com')
  const counts = () => db.selectFrom('accounts').select('id').execute()
  const before = (await counts()).length
  const spellings = [
    'kate.ren\u00e9@example.com',
    'KATE.REN\u00c9@EXAMPLE.COM',
    '\u212Aate.ren\u00e9@example.com',
  ]
  for (const email of spellings) assert.equal(await codeOf(enrol({ email })), 'auth.email_taken')
  assert.equal((await counts()).length, before)
  assert.equal((await enter(spellings[2]!)).user.id, user.id)
})

test('of two who register one address at once, one wins', async () => {
  const email = 'race@example.com'
  const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(enrol({ email }))))
  assert.deepEqual(codes.sort(), [...Array(7).fill('auth.email_taken'), 'none'])
})

test('a weak password is refused with what to change, and a person\u2019s own name is weak', async () => {
  const weak = enrol({ password: 'passwordpassword' })
  await assert.rejects(weak, ({ facts }) => {
    assert.ok(facts.errors.length > 0 && facts.errors[0].path === 'body.password')
    return true
  })
  const own = { firstName: 'Bartholomew', password: 'BartholomewBartholomew' }
  assert.equal(await codeOf(enrol(own)), 'auth.weak_password')
})

test('where registration is closed or by invitation, it is refused before any work', async () => {
  const refusals = { closed: 'auth.sign_up_closed', invite: 'auth.sign_up_by_invitation' } as const
  for (const [signUp, code] of Object.entries(refusals)) {
    const hashes = await hashesDuring(async () => {
      const closed = { ...tools, signUp: signUp as 'closed' | 'invite' }
      assert.equal(await codeOf(enrol({}, closed)), code)
    })
    assert.equal(hashes, 0)
  }
})

test('T26: a taken address costs the same hashing as a free one', async () => {
  const { user } = await app.join()
  assert.equal(await hashesDuring(() => enrol({})), 1)
  assert.equal(await hashesDuring(() => codeOf(enrol({ email: user.email }))), 1)
})

test('T26: unknown, disabled and wrong password: one answer after one hash of the same cost', async () => {
  const known = await app.join()
  const disabled = await app.join()
  await setUser(disabled.user.id, { status: 'disabled' })
  const tries: [string, string, string][] = [
    ['unknown_user', 'nobody@example.com', PASSWORD],
    ['wrong_password', known.user.email, `${PASSWORD}!`],
    ['disabled', disabled.user.email, PASSWORD],
    ['wrong_password', disabled.user.email, `${PASSWORD}!`],
  ]
  const answers = new Set<string>()
  for (const [reason, email, password] of tries) {
    const hashes = await hashesDuring(async () => {
      await enter(email, password).catch(({ message, status, code, facts }) => {
        answers.add(JSON.stringify({ message, status, code, facts }))
      })
    })
    assert.equal(hashes, 1, reason)
    const last = await db
      .selectFrom('events')
      .selectAll()
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow()
    assert.equal(last.kind, 'user.sign_in_failed')
    assert.equal((last.data as { reason: string }).reason, reason)
    assert.ok(!JSON.stringify(last).includes(email))
  }
  assert.equal(answers.size, 1)
  assert.match([...answers][0]!, /auth\.invalid_credentials/)
})

test('the time of a refusal does not tell whether the address is known', async () => {
  const passwordCost = { memoryKib: 8192, passes: 2, parallelism: 1 }
  const { tools: slow } = await app.openAnother({ passwordCost })
  const { user } = await enrol({}, slow)
  const times = { known: [] as number[], unknown: [] as number[] }
  for (let round = 0; round < 15; round++) {
    for (const kind of ['known', 'unknown'] as const) {
      const email = kind === 'known' ? user.email : `nobody.${round}@example.com`
      const startedMs = performance.now()
      await codeOf(enter(email, 'not the right password', slow))
      times[kind].push(performance.now() - startedMs)
    }
  }
  // The shortest of each, from which what else the machine does has taken the least.
  const ratio = Math.min(...times.known) / Math.min(...times.unknown)
  assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`)
})

test('a hash that was made more cheaply is made again at the next sign-in', async () => {
  const { user } = await app.join()
  const dearer = { ...CHEAP, memoryKib: 128, passes: 2 }
  const { tools: stricter } = await app.openAnother({ passwordCost: dearer })
  const hashOf = async () => {
    const row = db.selectFrom('users').select(['passwordHash']).where('id', '=', user.id)
    return (await row.executeTakeFirstOrThrow()).passwordHash
  }
  const before = await hashOf()
  assert.equal(
    await codeOf(enter(user.email, 'not the right password', stricter)),
    'auth.invalid_credentials',
  )
  assert.equal(await hashOf(), before)
  await Promise.all([enter(user.email, PASSWORD, stricter), enter(user.email, PASSWORD, stricter)])
  const renewed = await hashOf()
  assert.match(renewed, /m=128,t=2/)
  await enter(user.email, PASSWORD, stricter)
  assert.equal(await hashOf(), renewed)
  await enter(user.email)
  assert.equal(await hashOf(), renewed)
})

test('T28: of 500 passwords at once two are hashed at a time, and those beyond the queue are told when to come again', async () => {
  const { tools: fresh } = await app.openAnother()
  let running = 0
  let most = 0
  const hashing = new Set<number>()
  const hook = createHook({
    init: (id, type) => {
      if (!type.startsWith('ARGON2')) return
      hashing.add(id)
      most = Math.max(most, ++running)
    },
    before: (id) => void (hashing.delete(id) && running--),
  })
  hook.enable()
  const checks = Array.from({ length: 500 }, () =>
    fresh.passwords.matches(nobody.signal, PASSWORD, undefined),
  )
  const outcomes = await Promise.allSettled(checks)
  hook.disable()
  assert.equal(most, 2)
  const refused = outcomes.filter((one) => one.status === 'rejected')
  assert.equal(refused.length, 448)
  for (const { reason } of refused) {
    assert.deepEqual([reason.code, reason.status], ['auth.busy', 503])
    assert.ok(reason.facts.retryAfterSeconds > 0)
  }
})

test('T21: a signed-out device is out at once here, and within 5 seconds elsewhere', async () => {
  const signedIn = await app.join()
  const elsewhere = await app.openAnother()
  const header = `Bearer ${signedIn.accessToken}`
  await elsewhere.authenticate(header, IP)
  const ctx = await app.ctxOf(signedIn)
  await signOut(tools, ctx)
  assert.equal(await codeOf(app.ctxOf(signedIn)), UNAUTHENTICATED)
  clock.advance(5_000)
  assert.equal(await codeOf(elsewhere.authenticate(header, IP)), UNAUTHENTICATED)
  await signOut(tools, ctx)
  const events = await app.eventsOf(signedIn.user.id)
  assert.equal(events.filter(({ kind }) => kind === 'user.signed_out').length, 1)
})

test('T21: a disabled user, and one whose version rose, are out within 5 seconds', async () => {
  const changes = [{ status: 'disabled' as const }, { ver: 2 }]
  for (const change of changes) {
    const signedIn = await app.join()
    await app.ctxOf(signedIn)
    await setUser(signedIn.user.id, change)
    clock.advance(5_000)
    assert.equal(await codeOf(app.ctxOf(signedIn)), UNAUTHENTICATED)
  }
})

test('T21: a role that was given or taken counts within 5 seconds', async () => {
  const signedIn = await app.join()
  const { id } = signedIn.user
  const rolesAfter = async (platformRoles: ['support'] | []) => {
    await db.updateTable('users').set({ platformRoles }).where('id', '=', id).execute()
    clock.advance(5_000)
    const { actor } = await app.ctxOf(signedIn)
    return actor.kind === 'user' && actor.roles
  }
  assert.deepEqual(await rolesAfter(['support']), ['support', 'account-owner'])
  assert.deepEqual(await rolesAfter([]), ['account-owner'])
})

test('an access token ends after 10 minutes, also when it is known', async () => {
  const signedIn = await app.join()
  await app.ctxOf(signedIn)
  clock.advance(600_000 + 29_000)
  await app.ctxOf(signedIn)
  clock.advance(1_000)
  assert.equal(await codeOf(app.ctxOf(signedIn)), UNAUTHENTICATED)
})

test('no header is nobody; a header without a token that counts is refused', async () => {
  assert.deepEqual(await app.identity.authenticate(undefined, IP), { kind: 'anonymous' })
  const { accessToken, refreshToken } = await app.join()
  const headers = [
    ...['', 'Bearer', 'Bearer ', 'Basic YTpi', accessToken, `Token ${accessToken}`],
    ...[`Bearer ${refreshToken}`, `Bearer ${accessToken} x`, `Bearer ${accessToken}, Bearer x`],
  ]
  for (const header of headers) {
    assert.equal(await codeOf(app.identity.authenticate(header, IP)), UNAUTHENTICATED, header)
  }
  for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
    assert.equal((await app.identity.authenticate(`${scheme} ${accessToken}`, IP)).kind, 'user')
  }
})

test('requests with one token look it up once in 4 seconds', async () => {
  const { accessToken } = await app.join()
  const header = `Bearer ${accessToken}`
  const actors = await Promise.all(
    Array.from({ length: 20 }, () => app.identity.authenticate(header, IP)),
  )
  assert.equal(new Set(actors).size, 1)
  clock.advance(3_999)
  assert.equal(await app.identity.authenticate(header, IP), actors[0])
  clock.advance(1)
  assert.notEqual(await app.identity.authenticate(header, IP), actors[0])
})

test('the 21st device signs out the one idle longest', async () => {
  const first = await app.join()
  const { email } = first.user
  const others = []
  for (let device = 0; device < 20; device++) {
    clock.advance(1_000)
    others.push(await enter(email))
  }
  assert.equal(await codeOf(app.ctxOf(first)), UNAUTHENTICATED)
  for (const other of others) assert.equal((await app.ctxOf(other)).actor.kind, 'user')
})
