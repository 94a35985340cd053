import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '#kernel/problem.ts'
import { addressBlocks } from './address-blocks.ts'
import { makeKey } from './keys/format.ts'
import { register } from './register.ts'
import { refresh } from './refresh.ts'
import { requireStepUp, stepUp } from './step-up.ts'
import {
  ADDRESS,
  codeOf,
  hashesDuring,
  openTestIdentity,
  PASSWORD,
  signIn,
} from './test-support.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())
const { db, clock, nobody } = app
/** With the limits that an installation has unless told otherwise. */
const strict = await app.openAnother({
  config: { ...app.config, AUTH_ATTEMPTS: 5, UNAUTHENTICATED_REQUESTS: 100 },
})
const { tools } = strict

const MINUTE_MS = 60_000
const WRONG = 'not the right password'
const REFUSED = 'auth.invalid_credentials'
const TOO_MANY = 'auth.too_many_attempts'

let networks = 0
/** An address that no other test uses. */
function newAddress(): string {
  networks++
  return `198.18.${networks >> 8}.${networks & 255}`
}

function enter(email: string, password: string, ipAddress = newAddress()) {
  return signIn(tools, nobody, { email, password }, { ...ADDRESS, ipAddress })
}

async function lastReason(userId: string): Promise<unknown> {
  const events = await app.eventsOf(userId)
  return events.filter(({ kind }) => kind === 'user.sign_in_failed').at(-1)?.data.reason
}

test('T24: the sixth wrong password from one address is refused without a look at it, whatever addresses it is for', async () => {
  const ann = await app.join()
  const from = newAddress()
  const names = [ann.user.email, ...Array.from({ length: 4 }, (_, n) => `rotated.${n}@example.com`)]
  for (const email of names) assert.equal(await codeOf(enter(email, WRONG, from)), REFUSED)
  const hashes = await hashesDuring(async () => {
    assert.equal(await codeOf(enter('another@example.com', WRONG, from)), TOO_MANY)
    assert.equal(await codeOf(enter(ann.user.email, PASSWORD, from)), TOO_MANY)
  })
  assert.equal(hashes, 0)
  assert.equal(await codeOf(enter(ann.user.email, PASSWORD)), 'none')
  clock.advance(15 * MINUTE_MS)
  assert.equal(await codeOf(enter(ann.user.email, PASSWORD, from)), 'none')
})

test('T24: 200 addresses in one /64, and 200 spellings of one address, are one', async () => {
  const groups = (n: number) => (n + 1).toString(16)
  const inOneNetwork = Array.from({ length: 200 }, (_, n) => `2001:db8:7:1::${groups(n)}`)
  const spellings = [
    ...['2001:db8:7:2:0:0:0:1', '2001:DB8:7:2::1', '2001:0db8:0007:0002::0001'],
    ...['2001:db8:7:2::0.0.0.1', '2001:db8:7:2:0::1'],
  ]
  const mapped = [
    '::ffff:198.51.100.7',
    '198.51.100.7',
    '::FFFF:c633:6407',
    '0:0:0:0:0:ffff:c633:6407',
  ]
  for (const addresses of [inOneNetwork, spellings, mapped]) {
    const blocks = new Set(addresses.map((address) => addressBlocks(address)[0]!.block))
    assert.equal(blocks.size, 1, [...blocks].join())
  }
  const codes: string[] = []
  for (const address of inOneNetwork.slice(0, 7)) {
    codes.push(await codeOf(enter('somebody@example.com', WRONG, address)))
  }
  assert.deepEqual(codes.slice(0, 5), Array(5).fill(REFUSED))
  assert.deepEqual(codes.slice(5), [TOO_MANY, TOO_MANY])
})

test('T24: a site with many networks of IPv6 gets ten times as many tries and no more', async () => {
  const network = (n: number) => `2001:db8:8:${n.toString(16)}::1`
  const codes: string[] = []
  for (let n = 0; n < 52; n++) {
    codes.push(await codeOf(tools.attempts.takeFrom('sign_in', network(n))))
  }
  assert.deepEqual(new Set(codes.slice(0, 50)), new Set(['none']))
  assert.deepEqual(codes.slice(50), [TOO_MANY, TOO_MANY])
})

test('every address is in a block, and what is no address is in one too', () => {
  const v6 = fc.ipV6().filter((text) => !text.includes('%'))
  fc.assert(
    fc.property(fc.oneof(v6, fc.ipV4(), fc.string()), (text) => {
      const [first] = addressBlocks(text)
      assert.ok(first!.block.length > 0 && first!.factor === 1)
    }),
  )
})

test('T24: ten wrong passwords from ten addresses lock the address: then the right one is wrong too, for 15 minutes', async () => {
  const ann = await app.join()
  const { email, id } = ann.user
  for (let tries = 0; tries < 10; tries++) {
    assert.equal(await codeOf(enter(email, WRONG)), REFUSED)
    clock.advance(31_000)
  }
  assert.equal(await codeOf(enter(email, PASSWORD)), REFUSED)
  assert.equal(await lastReason(id), 'locked')
  const mails = await db.selectFrom('mails').selectAll().where('toAddress', '=', email).execute()
  assert.equal(mails.filter(({ template }) => template === 'sign_in_locked').length, 1)
  const kinds = (await app.eventsOf(id)).map(({ kind }) => kind)
  assert.equal(kinds.filter((kind) => kind === 'user.sign_in_locked').length, 1)
  clock.advance(15 * MINUTE_MS)
  assert.equal((await enter(email, PASSWORD)).user.id, id)
})

test('after five wrong passwords the next try waits 1, 2, 4 … 30 seconds, and tries in between do not count', async () => {
  const { email, id } = (await app.join()).user
  for (let tries = 0; tries < 5; tries++) await codeOf(enter(email, WRONG))
  for (const waitMs of [1_000, 2_000, 4_000]) {
    clock.advance(waitMs - 1)
    assert.equal(await codeOf(enter(email, PASSWORD)), REFUSED)
    assert.equal(await lastReason(id), 'locked')
    clock.advance(1)
    assert.equal(await codeOf(enter(email, WRONG)), REFUSED)
    assert.equal(await lastReason(id), 'wrong_password')
  }
  clock.advance(30_000)
  assert.equal((await enter(email, PASSWORD)).user.id, id)
  assert.equal(await codeOf(enter(email, WRONG)), REFUSED)
  assert.equal((await enter(email, PASSWORD)).user.id, id)
})

test('a lock lasts twice as long each time, and never longer than a day', async () => {
  const key = 'locked.often@example.com'
  const lockMinutes: number[] = []
  while (lockMinutes.length < 9) {
    const { lockedUntil } = await tools.failures.begin(key)
    const untilMs = lockedUntil?.getTime() ?? clock.now().getTime() + 30_000
    if (lockedUntil) lockMinutes.push((untilMs - clock.now().getTime()) / MINUTE_MS)
    clock.advance(untilMs - clock.now().getTime())
  }
  assert.deepEqual(lockMinutes, [15, 30, 60, 120, 240, 480, 960, 1440, 1440])
})

test('T24: many wrong passwords at once, from as many addresses, do not slip by the count', async () => {
  const { email } = (await app.join()).user
  let judged = 0
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const { refused } = await tools.failures.begin(email)
      if (!refused) judged++
    }),
  )
  assert.equal(judged, 5)
})

test('tries that fail and tries that succeed at once do not get in each other’s way', async () => {
  const key = 'busy.person@example.com'
  const tries = Array.from({ length: 100 }, async (_, n) => {
    await app.tools.failures.begin(key)
    if (n % 2 === 0) await app.tools.failures.clear(key)
  })
  assert.equal(
    (await Promise.allSettled(tries)).filter((one) => one.status === 'rejected').length,
    0,
  )
})

test('T25: what was counted stays counted when the sign-in is rolled back', async () => {
  const { email } = (await app.join()).user
  const from = newAddress()
  for (let tries = 0; tries < 5; tries++) {
    const rolledBack = nobody.transaction(async (ctx) => {
      await signIn(tools, ctx, { email, password: WRONG }, { ...ADDRESS, ipAddress: from })
    })
    assert.equal(await codeOf(rolledBack), REFUSED)
  }
  assert.equal(await codeOf(enter(email, PASSWORD, from)), TOO_MANY)
  assert.equal((await tools.failures.begin(email)).refused, true)
})

test('T26: unknown, known and locked take one hash and get one answer', async () => {
  const known = await app.join()
  const locked = await app.join()
  for (let tries = 0; tries < 5; tries++) await codeOf(enter(locked.user.email, WRONG))
  const answers = new Set<string>()
  for (const email of ['unknown@example.com', known.user.email, locked.user.email]) {
    const hashes = await hashesDuring(() =>
      enter(email, WRONG).catch(({ message, status, code, facts }) => {
        answers.add(JSON.stringify({ message, status, code, facts }))
      }),
    )
    assert.equal(hashes, 1, email)
  }
  assert.equal(answers.size, 1)
})

test('an address that nobody has is locked like one that somebody has', async () => {
  const email = 'never.registered@example.com'
  for (let tries = 0; tries < 5; tries++) await codeOf(enter(email, WRONG))
  assert.equal((await tools.failures.begin(email)).refused, true)
})

test('signing in does not use up tries, however often', async () => {
  const { email, id } = (await app.join()).user
  const from = newAddress()
  for (let times = 0; times < 8; times++) {
    assert.equal((await enter(email, PASSWORD, from)).user.id, id)
  }
})

test('nobody resets the count of an address by signing in as themselves in between', async () => {
  const thief = await app.join()
  const from = newAddress()
  const codes: string[] = []
  for (let tries = 0; tries < 6; tries++) {
    codes.push(await codeOf(enter(`victim.${tries}@example.com`, WRONG, from)))
    if (tries < 4) await enter(thief.user.email, PASSWORD, from)
  }
  assert.equal(codes.at(-1), TOO_MANY)
})

test('the sixth to register from one address waits; passwords that were too weak do not count', async () => {
  const from = { ...ADDRESS, ipAddress: newAddress() }
  const join = (password = PASSWORD) =>
    codeOf(register(tools, nobody, { email: `${crypto.randomUUID()}@example.com`, password }, from))
  for (let tries = 0; tries < 7; tries++) {
    assert.equal(await join('passwordpassword'), 'auth.weak_password')
  }
  const codes = [await join(), await join(), await join(), await join(), await join(), await join()]
  assert.deepEqual(codes, [...Array(5).fill('none'), TOO_MANY])
})

test('a refusal says how long to wait, and which limit it was', async () => {
  const from = newAddress()
  for (let tries = 0; tries < 5; tries++) await tools.attempts.takeFrom('reset_password', from)
  clock.advance(5 * MINUTE_MS)
  await assert.rejects(tools.attempts.takeFrom('reset_password', from), (error) => {
    assert.ok(error instanceof Problem && error.status === 429)
    assert.equal(error.facts.retryAfterSeconds, 600)
    assert.deepEqual(error.facts.rateLimit, {
      name: 'reset_password',
      limit: 5,
      windowSeconds: 900,
    })
    return true
  })
})

test('processes count together', async () => {
  const other = await app.openAnother({ config: { ...app.config, AUTH_ATTEMPTS: 5 } })
  const from = newAddress()
  for (const each of [tools, other.tools, tools, other.tools, tools]) {
    await each.attempts.takeFrom('sign_in', from)
  }
  assert.equal(await codeOf(other.tools.attempts.takeFrom('sign_in', from)), TOO_MANY)
})

test('of many at once from one address exactly as many pass as may', async () => {
  const from = newAddress()
  const codes = await Promise.all(
    Array.from({ length: 30 }, () => codeOf(tools.attempts.takeFrom('sign_in', from, 'for x'))),
  )
  assert.equal(codes.filter((code) => code === 'none').length, 5)
})

test('the database holds no address of those who tried', async () => {
  await codeOf(enter('kept.nowhere@example.com', WRONG, '198.51.100.77'))
  const rows = await Promise.all([
    db.selectFrom('attempts').selectAll().execute(),
    db.selectFrom('passwordFailures').selectAll().execute(),
  ])
  assert.ok(!/198\.51\.100|kept/.test(JSON.stringify(rows)))
})

test('a sign-in takes 30 steps in a minute, and the next one waits without ending it', async () => {
  let { refreshToken } = await app.join()
  const trade = () => refresh(tools, nobody, { refreshToken }, ADDRESS)
  for (let steps = 0; steps < 30; steps++) refreshToken = (await trade()).refreshToken
  assert.equal(await codeOf(trade()), TOO_MANY)
  clock.advance(MINUTE_MS)
  assert.equal(await codeOf(trade()), 'none')
})

test('a proof of who one is counts for 5 minutes, and is renewed by the password', async () => {
  const ctx = await app.ctxOf(await app.join())
  assert.equal(await codeOf(requireStepUp(ctx)), 'none')
  clock.advance(5 * MINUTE_MS)
  assert.equal(await codeOf(requireStepUp(ctx)), 'auth.step_up_required')
  assert.equal(await codeOf(stepUp(tools, ctx, WRONG)), 'auth.wrong_password')
  assert.equal(await codeOf(requireStepUp(ctx)), 'auth.step_up_required')
  const until = await stepUp(tools, ctx, PASSWORD)
  assert.equal(until.getTime() - clock.now().getTime(), 5 * MINUTE_MS)
  assert.equal(await codeOf(requireStepUp(ctx)), 'none')
})

test('whoever has a device of somebody guesses their password no more often than a stranger', async () => {
  const ann = await app.join()
  const ctx = await app.ctxOf(ann)
  const codes: string[] = []
  for (let tries = 0; tries < 6; tries++) codes.push(await codeOf(stepUp(tools, ctx, WRONG)))
  assert.deepEqual(codes, [...Array(5).fill('auth.wrong_password'), TOO_MANY])
})

test('T36: made-up API keys are counted wherever they are shown, and real ones are taken all the while', async () => {
  const ip = newAddress()
  const madeUp = () => codeOf(strict.authenticateKey(makeKey('live'), ip))
  for (let guess = 0; guess < 100; guess++) assert.equal(await madeUp(), 'auth.key_invalid')
  assert.equal(await madeUp(), TOO_MANY)
  const { accessToken } = await app.join()
  assert.equal((await strict.authenticate(`Bearer ${accessToken}`, ip)).kind, 'user')
})

test('what a clock that was ahead for a moment has counted keeps nobody out once it is right again', async () => {
  const YEAR_MS = 365 * 24 * 60 * MINUTE_MS
  const key = 'time.traveller@example.com'
  const ip = newAddress()
  let ahead = true
  const skewed = {
    now: () => new Date(clock.now().getTime() + (ahead ? YEAR_MS : 0)),
    monotonicMs: () => clock.monotonicMs(),
  }
  const { tools } = await app.openAnother({
    ...{ clock: skewed, config: { ...app.config, AUTH_ATTEMPTS: 5 } },
  })
  for (let tries = 0; tries < 5; tries++) await tools.attempts.takeFrom('sign_in', ip)
  assert.equal(await codeOf(tools.attempts.takeFrom('sign_in', ip)), TOO_MANY)
  for (let tries = 0; tries < 5; tries++) await tools.failures.begin(key)
  assert.ok((await tools.failures.begin(key)).refused)
  ahead = false
  assert.equal(await codeOf(tools.attempts.takeFrom('sign_in', ip)), 'none')
  assert.ok(!(await tools.failures.begin(key)).refused)
})
