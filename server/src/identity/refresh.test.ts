import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { refresh } from './refresh.ts'
import { makeRefreshToken, parseRefreshToken } from './refresh-tokens.ts'
import type { SignedIn } from './schema.ts'
import { ADDRESS, codeOf, openTestIdentity, PASSWORD, signIn } from './test-support.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())
const { db, clock, tools, nobody } = app

const REFUSED = 'auth.invalid_refresh_token'
const DAY_MS = 24 * 60 * 60 * 1000

function trade(refreshToken: string, client = ADDRESS): Promise<SignedIn> {
  return refresh(tools, nobody, { refreshToken }, client)
}

function signInOf({ refreshToken }: SignedIn): string {
  return parseRefreshToken(refreshToken)!.signInId
}

async function rowOf(signedIn: SignedIn) {
  return db
    .selectFrom('signIns')
    .selectAll()
    .where('id', '=', signInOf(signedIn))
    .executeTakeFirstOrThrow()
}

/** That the sign-in has ended for good: no token of it works, and one alert was raised. */
async function assertEnded(signedIn: SignedIn, ...refreshTokens: string[]): Promise<void> {
  assert.equal((await rowOf(signedIn)).revokedReason, 'reuse_detected')
  assert.equal(await codeOf(app.ctxOf(signedIn)), 'auth.unauthenticated')
  for (const token of refreshTokens) assert.equal(await codeOf(trade(token)), REFUSED)
  const events = await app.eventsOf(signedIn.user.id)
  assert.equal(events.filter(({ kind }) => kind === 'sign_in.reuse_detected').length, 1)
}

test('a refresh token buys the next pair, and that the next', async () => {
  const first = await app.join()
  const second = await trade(first.refreshToken)
  clock.advance(60_000)
  const third = await trade(second.refreshToken)
  const all = [first, second, third]
  assert.equal(new Set(all.map((pair) => pair.refreshToken)).size, 3)
  assert.equal(new Set(all.map((pair) => pair.accessToken)).size, 3)
  assert.equal(third.user.id, first.user.id)
  assert.equal(third.expiresInSeconds, 600)
  assert.equal((await app.ctxOf(third)).actor.kind, 'user')
  assert.equal((await rowOf(first)).refreshCounter, 3)
})

test('T22: of 50 refreshes at once with one token, one moves on and all get the same pair', async () => {
  const first = await app.join()
  const pairs = await Promise.all(Array.from({ length: 50 }, () => trade(first.refreshToken)))
  assert.equal(new Set(pairs.map((pair) => pair.refreshToken)).size, 1)
  assert.equal(new Set(pairs.map((pair) => pair.accessToken)).size, 1)
  const row = await rowOf(first)
  assert.equal(row.refreshCounter, 2)
  assert.equal(row.revokedAt, null)
  assert.equal((await trade(pairs[0]!.refreshToken)).user.id, first.user.id)
})

test('T22, T23: a client that lost the answer gets the same pair within 10 seconds, not later', async () => {
  const first = await app.join()
  const second = await trade(first.refreshToken)
  clock.advance(10_000)
  const again = await trade(first.refreshToken)
  assert.equal(again.refreshToken, second.refreshToken)
  assert.equal(again.accessToken, second.accessToken)
  assert.equal(again.expiresInSeconds, 590)
  clock.advance(1)
  assert.equal(await codeOf(trade(first.refreshToken)), REFUSED)
  await assertEnded(first, first.refreshToken, second.refreshToken)
})

test('T22: the token before is refused to another client, and ends the sign-in', async () => {
  for (const change of [{ ipAddress: '203.0.113.9' }, { userAgent: 'other/1' }]) {
    const first = await app.join()
    const second = await trade(first.refreshToken)
    const thief = { ...ADDRESS, ...change }
    assert.equal(await codeOf(trade(first.refreshToken, thief)), REFUSED)
    await assertEnded(first, second.refreshToken)
  }
})

test('a client whose address changed may go on with the current token', async () => {
  const first = await app.join()
  const moved = { ipAddress: '203.0.113.9', userAgent: 'test/2' }
  const second = await trade(first.refreshToken, moved)
  assert.equal((await trade(second.refreshToken, ADDRESS)).user.id, first.user.id)
})

test('T22: a token comes back after its successor was used: the sign-in ends', async () => {
  const first = await app.join()
  const second = await trade(first.refreshToken)
  const third = await trade(second.refreshToken)
  assert.equal(await codeOf(trade(first.refreshToken)), REFUSED)
  await assertEnded(first, second.refreshToken, third.refreshToken)
})

test('T22: a great-grandparent ends the sign-in too, and of many at once one alert is raised', async () => {
  const first = await app.join()
  let last = first
  for (let step = 0; step < 5; step++) last = await trade(last.refreshToken)
  const thefts = Array.from({ length: 10 }, () => codeOf(trade(first.refreshToken)))
  assert.deepEqual(new Set(await Promise.all(thefts)), new Set([REFUSED]))
  await assertEnded(first, last.refreshToken)
})

test('the end of one sign-in leaves the user\u2019s others alone', async () => {
  const first = await app.join()
  const credentials = { email: first.user.email, password: PASSWORD }
  const other = await signIn(tools, nobody, credentials, ADDRESS)
  const second = await trade(first.refreshToken)
  await trade(second.refreshToken)
  assert.equal(await codeOf(trade(first.refreshToken)), REFUSED)
  assert.equal((await app.ctxOf(other)).actor.kind, 'user')
  assert.equal((await trade(other.refreshToken)).user.id, first.user.id)
})

test('a token that was never issued is refused and ends nothing', async () => {
  const first = await app.join()
  await trade(first.refreshToken)
  const id = signInOf(first)
  const key = Buffer.alloc(32, 7)
  const forged = [1, 2, 3, 4, 1000].map((counter) => makeRefreshToken(key, id, counter))
  for (const token of forged) assert.equal(await codeOf(trade(token)), REFUSED)
  const stranger = makeRefreshToken(key, 'sgn_00000000000000000000000000', 1)
  assert.equal(await codeOf(trade(stranger)), REFUSED)
  assert.equal((await rowOf(first)).revokedAt, null)
})

test('T22: damaged tokens are told without a look into the database', async () => {
  const { refreshToken } = await app.join()
  for (let place = 0; place < refreshToken.length; place++) {
    const other = refreshToken[place] === '1' ? '2' : '1'
    const bent = refreshToken.slice(0, place) + other + refreshToken.slice(place + 1)
    assert.equal(parseRefreshToken(bent), undefined, `character ${place}`)
  }
  const odd = [
    '',
    ' ',
    refreshToken.slice(1),
    `${refreshToken} `,
    refreshToken.toUpperCase(),
    `${refreshToken}\n`,
  ]
  for (const text of odd) assert.equal(parseRefreshToken(text), undefined)
  fc.assert(fc.property(fc.string(), (text) => assert.equal(parseRefreshToken(text), undefined)))
})

test('a token with a counter that was padded is another text, and refused', async () => {
  const { refreshToken } = await app.join()
  const [, , id = '', counter = '', mac = ''] = refreshToken.split('_')
  const text = `gty_rt1_${id}_0${counter}_${mac}`
  assert.equal(parseRefreshToken(`${text}_${crc32(text).toString(16).padStart(8, '0')}`), undefined)
})

test('a sign-in ends after 14 days without a refresh, and 30 days after it began', async () => {
  const idle = await app.join()
  const used = await app.join()
  let last = used
  for (const days of [13, 13]) {
    clock.advance(days * DAY_MS)
    last = await trade(last.refreshToken)
  }
  assert.equal(await codeOf(trade(idle.refreshToken)), REFUSED)
  clock.advance(4 * DAY_MS - 1000)
  last = await trade(last.refreshToken)
  clock.advance(1000)
  assert.equal(await codeOf(trade(last.refreshToken)), REFUSED)
  assert.equal(await codeOf(app.ctxOf(last)), 'auth.unauthenticated')
})

test('whoever runs the installation signs in each day, and after 8 hours without a refresh', async () => {
  const HOUR_MS = DAY_MS / 24
  const { user } = await app.join()
  await app.asOwner(`update users set platform_roles = '{admin}' where id = '${user.id}'`)
  const enter = () =>
    signIn(app.tools, app.nobody, { email: user.email, password: PASSWORD }, ADDRESS)
  const idle = await enter()
  let last = await enter()
  for (const hours of [7, 7, 7]) {
    clock.advance(hours * HOUR_MS)
    last = await trade(last.refreshToken)
  }
  assert.equal(await codeOf(trade(idle.refreshToken)), REFUSED)
  clock.advance(3 * HOUR_MS)
  assert.equal(await codeOf(trade(last.refreshToken)), REFUSED)
})

test('a disabled user gets no new tokens', async () => {
  const first = await app.join()
  const { id } = first.user
  await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', id).execute()
  assert.equal(await codeOf(trade(first.refreshToken)), REFUSED)
})

test('the database holds no token and no key that opens without the master key', async () => {
  const first = await app.join()
  const row = await rowOf(first)
  const stored = JSON.stringify(row)
  const { mac } = parseRefreshToken(first.refreshToken)!
  assert.ok(!stored.includes(mac.toString('hex')) && !stored.includes(first.refreshToken))
  assert.ok(row.refreshKey.length > 32)
  const guess = makeRefreshToken(row.refreshKey.subarray(-32), row.id, 1)
  assert.notEqual(guess, first.refreshToken)
})

test('another process of the installation refreshes what this one issued', async () => {
  const first = await app.join()
  const other = await app.openAnother()
  const second = await refresh(other.tools, nobody, { refreshToken: first.refreshToken }, ADDRESS)
  assert.equal((await trade(first.refreshToken)).refreshToken, second.refreshToken)
  assert.equal((await app.ctxOf(second)).actor.kind, 'user')
})
