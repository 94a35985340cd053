import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Context } from '#kernel/context.ts'
import { changeMe, changeSettings, getMe, getSettings, preferencesOf } from './profile.ts'
import { ProfileChange, User } from './schema.ts'
import { UserSettingsChange } from './settings.ts'
import { codeOf, openTestIdentity } from './test-support.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())

const shaped = { noNullPrototype: true } as const
const some = { ...shaped, requiredKeys: [] as never[] }

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .map((text) => text.trim())
  .filter((text) => text.length > 0 && !/[\p{Cc}\u2028\u2029]/u.test(text))
const ascii = fc
  .string({ minLength: 1, maxLength: 60 })
  .filter((text) => /^[\x20-\x7e]+$/.test(text))
const viewport = fc.record(
  { width: fc.integer({ min: 200, max: 7680 }), height: fc.integer({ min: 200, max: 4320 }) },
  shaped,
)

const settings: fc.Arbitrary<UserSettingsChange> = fc.record(
  {
    theme: fc.constantFrom('light', 'dark', 'system'),
    language: fc.constantFrom('en', 'de', 'pt-BR', 'zh-Hant-TW'),
    notifications: fc.record({ email: fc.boolean(), inApp: fc.boolean() }, shaped),
    browserPreferences: fc.record(
      {
        defaultUserAgent: ascii,
        defaultViewport: viewport,
        defaultTimeout: fc.integer({ min: 1, max: 120_000 }),
      },
      some,
    ),
    ec2Preferences: fc.record(
      {
        preferredRegion: fc.constantFrom('eu-west-1', 'us-gov-east-1'),
        instanceType: fc.constantFrom('c7i.large', 't4g.micro'),
        terminateWhenIdle: fc.boolean(),
        idleTimeoutMinutes: fc.integer({ min: 1, max: 1440 }),
      },
      some,
    ),
  },
  some,
)

const change: fc.Arbitrary<ProfileChange> = fc.record(
  {
    firstName: fc.option(name),
    lastName: fc.option(name),
    settings,
  },
  some,
)

async function newcomer(): Promise<Context> {
  return app.ctxOf(await app.join())
}

test('profile round trip: what is written is read, the rest stays, and what was read may be written back', async () => {
  const ctx = await newcomer()
  await fc.assert(
    fc.asyncProperty(change, async (wanted) => {
      const before = await getMe(ctx)
      const written = await changeMe(ctx, ProfileChange.parse(wanted))
      const read = await getMe(ctx)
      assert.deepEqual(read, written)
      User.parse(read)
      const { firstName = before.firstName, lastName = before.lastName } = wanted
      assert.equal(read.firstName, firstName ?? undefined)
      assert.equal(read.lastName, lastName ?? undefined)
      assert.deepEqual(read.settings, { ...before.settings, ...wanted.settings })
      assert.deepEqual(await changeMe(ctx, ProfileChange.parse(read)), read)
      assert.deepEqual(await changeSettings(ctx, read.settings), read.settings)
      assert.deepEqual(await getMe(ctx), read)
    }),
    { numRuns: 50 },
  )
})

test('a newcomer has the default settings and no preferences', async () => {
  const ctx = await newcomer()
  assert.deepEqual(await getSettings(ctx), {
    theme: 'system',
    language: 'en',
    notifications: { email: true, inApp: true },
    browserPreferences: {},
  })
  const { userId } = ctx.actor as { userId: string }
  assert.deepEqual(await preferencesOf(ctx, userId), { browser: {}, ec2: {} })
  const [browser, ec2] = [{ defaultTimeout: 5000 }, { idleTimeoutMinutes: 30 }]
  await changeSettings(ctx, { browserPreferences: browser, ec2Preferences: ec2 })
  assert.deepEqual(await preferencesOf(ctx, userId), { browser, ec2 })
  assert.deepEqual(await preferencesOf(ctx, 'usr_nobody'), { browser: {}, ec2: {} })
})

test('a read-only member with another value is refused by name, and nothing is changed', async () => {
  const ctx = await newcomer()
  const me = await getMe(ctx)
  const others: Partial<Record<keyof ProfileChange, unknown>> = {
    id: 'usr_other',
    email: me.email.toUpperCase(),
    emailVerified: true,
    avatarUrl: 'https://example.com/a.png',
    tier: 'enterprise',
    roles: ['super-admin', 'account-owner'],
    accountId: 'acc_other',
    createdAt: '2020-01-01T00:00:00.000Z',
    updatedAt: '2999-01-01T00:00:00.000Z',
    lastLoginAt: '2999-01-01T00:00:00.000Z',
  }
  for (const [member, value] of Object.entries(others)) {
    const wanted = ProfileChange.parse({ ...me, firstName: 'Eve', [member]: value })
    await assert.rejects(changeMe(ctx, wanted), ({ code, facts }) => {
      assert.equal(code, 'request.invalid')
      assert.deepEqual(
        facts.errors.map(({ path }: { path: string }) => path),
        [`body.${member}`],
      )
      return true
    })
  }
  assert.deepEqual(await getMe(ctx), me)
})

test('a copy that was read before the last change may be written back', async () => {
  const ctx = await newcomer()
  const old = await getMe(ctx)
  app.clock.advance(1000)
  await changeMe(ctx, { lastName: 'Newer' })
  const written = await changeMe(ctx, ProfileChange.parse({ ...old, firstName: 'Ann' }))
  assert.deepEqual([written.firstName, written.lastName], ['Ann', 'Newer'])
})

test('members that no profile has are refused, however deep', () => {
  const strange = [
    'role',
    'isAdmin',
    'passwordHash',
    'balance',
    '__proto__',
    'constructor',
    'platformRoles',
  ]
  for (const member of strange) {
    const given = JSON.parse(`{"${member}": 1}`)
    assert.equal(ProfileChange.safeParse(given).success, false, member)
    assert.equal(ProfileChange.safeParse({ settings: given }).success, false, member)
    const deep = { settings: { browserPreferences: given } }
    assert.equal(ProfileChange.safeParse(deep).success, false, member)
  }
})

test('two changes at once of different members both hold, and only real changes are announced', async () => {
  const ctx = await newcomer()
  await Promise.all([
    changeMe(ctx, { firstName: 'Ann', settings: { theme: 'dark' } }),
    changeMe(ctx, { lastName: 'Lovelace', settings: { language: 'de' } }),
    changeMe(ctx, {}),
    changeSettings(ctx, { theme: 'dark' }),
  ])
  const { firstName, lastName, settings, id } = await getMe(ctx)
  assert.deepEqual([firstName, lastName], ['Ann', 'Lovelace'])
  assert.deepEqual([settings.theme, settings.language], ['dark', 'de'])
  const changes = (await app.eventsOf(id)).filter(({ kind }) => kind === 'user.profile_changed')
  assert.ok(changes.length >= 2 && changes.length <= 3)
  await changeMe(ctx, ProfileChange.parse(await getMe(ctx)))
  const after = (await app.eventsOf(id)).filter(({ kind }) => kind === 'user.profile_changed')
  assert.equal(after.length, changes.length)
})

test('null removes a name', async () => {
  const ctx = await newcomer()
  await changeMe(ctx, { firstName: 'Ann' })
  assert.equal('firstName' in (await changeMe(ctx, { firstName: null })), false)
})

test('names are trimmed, and refused when empty, longer than 100 characters or with control characters', () => {
  assert.equal(ProfileChange.parse({ firstName: '  Ann \u00a0' }).firstName, 'Ann')
  for (const firstName of ['', '  ', 'x'.repeat(101), 'a\u0007b', 'a\nb', 'a\u2028b', 7, {}]) {
    assert.equal(ProfileChange.safeParse({ firstName }).success, false, JSON.stringify(firstName))
  }
})

test('settings of the wrong kind are refused', () => {
  const wrong = [
    { theme: 'blue' },
    { language: 'english!' },
    { notifications: { email: true } },
    { browserPreferences: { defaultViewport: { width: 1 } } },
    { browserPreferences: { defaultViewport: { width: 199, height: 200 } } },
    { browserPreferences: { defaultViewport: { width: 200, height: 4321 } } },
    { browserPreferences: { defaultTimeout: 0 } },
    { browserPreferences: { defaultTimeout: 120_001 } },
    { browserPreferences: { defaultUserAgent: 'a\r\nb' } },
    { browserPreferences: { defaultUserAgent: 'a'.repeat(1025) } },
    { ec2Preferences: { idleTimeoutMinutes: 1.5 } },
    { ec2Preferences: { idleTimeoutMinutes: 0 } },
    { ec2Preferences: { idleTimeoutMinutes: 1441 } },
    { ec2Preferences: { preferredRegion: 'moon' } },
    { ec2Preferences: { instanceType: 'large' } },
    { ec2Preferences: { instanceType: 'c7i.large; reboot' } },
  ]
  for (const settings of wrong) {
    assert.equal(UserSettingsChange.safeParse(settings).success, false, JSON.stringify(settings))
  }
})

test('settings at their bounds are taken', () => {
  const settings = {
    browserPreferences: {
      ...{ defaultTimeout: 120_000, defaultUserAgent: 'a'.repeat(1024) },
      defaultViewport: { width: 7680, height: 4320 },
    },
    ec2Preferences: { idleTimeoutMinutes: 1440, preferredRegion: 'us-gov-east-1' },
  }
  assert.deepEqual(UserSettingsChange.parse(settings), settings)
})

test('nobody has no profile', async () => {
  assert.equal(await codeOf(getMe(app.nobody)), 'auth.unauthenticated')
  assert.equal(await codeOf(changeMe(app.nobody, {})), 'auth.unauthenticated')
})
