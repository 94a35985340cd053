import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Context } from '#kernel/context.ts'
import { changeEmail, confirmEmail } from './email-change.ts'
import { mailVerification, requireVerifiedEmail, verifyEmail } from './email-verification.ts'
import { issueToken, useToken } from './one-time-tokens.ts'
import { changePassword } from './password-change.ts'
import { forgotPassword, mailReset, resetPassword } from './password-reset.ts'
import { refresh } from './refresh.ts'
import type { SignedIn } from './schema.ts'
import {
  ADDRESS,
  codeOf,
  hashesDuring,
  openTestIdentity,
  PASSWORD,
  signIn,
} from './test-support.ts'
import { tidySignIns } from './tidy-sign-ins.ts'
import { findUser } from './users.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())
const { db, clock, tools, nobody } = app

const NEW_PASSWORD = 'orange bicycle seven lanterns'
const INVALID = 'auth.link_invalid'
const MINUTE_MS = 60_000

type Purpose = 'verify_email' | 'reset_password' | 'confirm_new_email'

async function tokenFor({ user }: SignedIn, purpose: Purpose, email = user.email) {
  return nobody.transaction((ctx) => issueToken(ctx, { userId: user.id, purpose, email }))
}

function reset(token: string, password = NEW_PASSWORD) {
  return resetPassword(tools, nobody, { token, password }, ADDRESS)
}

async function userOf({ user }: SignedIn) {
  return (await findUser(db, 'id', user.id))!
}

async function mailsTo(address: string): Promise<string[]> {
  const rows = await db
    .selectFrom('mails')
    .select('template')
    .where('toAddress', '=', address)
    .orderBy('createdAt')
    .execute()
  return rows.map(({ template }) => template)
}

function runReset(ctx: Context, emailKey: string): Promise<void> {
  const run = { id: 'a', retries: 0, progress: async () => undefined }
  return mailReset.run(ctx, { emailKey }, run)
}

test('T29: a reset token of another purpose, of another user, used, expired or older than the newest sets no password', async () => {
  const [ann, bob] = [await app.join(), await app.join()]
  const others = (['verify_email', 'confirm_new_email'] as const).map((one) => tokenFor(ann, one))
  const older = await tokenFor(ann, 'reset_password')
  const newest = await tokenFor(ann, 'reset_password')
  const wrong = [...(await Promise.all(others)), older, 'A'.repeat(43), newest.toUpperCase()]
  for (const token of wrong) assert.equal(await codeOf(reset(token)), INVALID, token)

  assert.equal(await codeOf(reset(newest)), 'none')
  assert.equal(await codeOf(reset(newest, `${NEW_PASSWORD} again`)), INVALID)
  const enter = { email: bob.user.email, password: PASSWORD }
  assert.equal((await signIn(tools, nobody, enter, ADDRESS)).user.id, bob.user.id)

  const late = await tokenFor(ann, 'reset_password')
  clock.advance(30 * MINUTE_MS)
  assert.equal(await codeOf(reset(late)), INVALID)
})

test('T29: of many resets at once with one token, one sets the password', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'reset_password')
  const words = ['lanterns', 'umbrellas', 'kettles', 'ladders', 'sparrows', 'buttons']
  const passwords = words.map((word) => `orange bicycle seven ${word}`)
  const codes = await Promise.all(passwords.map((password) => codeOf(reset(token, password))))
  assert.equal(codes.filter((code) => code === 'none').length, 1)
  assert.equal(codes.filter((code) => code === INVALID).length, 5)
  const password = passwords[codes.indexOf('none')]!
  const signedIn = await signIn(tools, nobody, { email: ann.user.email, password }, ADDRESS)
  assert.equal(signedIn.user.id, ann.user.id)
})

test('T29: one token is used once by many at once, whatever it is for', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'verify_email')
  const codes = await Promise.all(
    Array.from({ length: 20 }, () =>
      codeOf(nobody.transaction((ctx) => useToken(ctx, 'verify_email', token))),
    ),
  )
  assert.equal(codes.filter((code) => code === 'none').length, 1)
})

test('T31: a reset ends every sign-in, signs nobody in, keeps what is no sign-in, and tells the person', async () => {
  const ann = await app.join()
  const email = ann.user.email
  const other = await signIn(tools, nobody, { email, password: PASSWORD }, ADDRESS)
  const before = await userOf(ann)
  assert.equal(await reset(await tokenFor(ann, 'reset_password')), undefined)
  for (const { accessToken, refreshToken } of [ann, other]) {
    assert.equal(await codeOf(app.ctxOf({ accessToken })), 'auth.unauthenticated')
    const code = await codeOf(refresh(tools, nobody, { refreshToken }, ADDRESS))
    assert.equal(code, 'auth.invalid_refresh_token')
  }
  const now = await userOf(ann)
  assert.deepEqual([now.ver, now.emailVerified], [before.ver + 1, true])
  const wrong = await codeOf(signIn(tools, nobody, { email, password: PASSWORD }, ADDRESS))
  assert.equal(wrong, 'auth.invalid_credentials')
  assert.ok((await mailsTo(email)).includes('password_changed'))
  const kinds = (await app.eventsOf(ann.user.id)).map(({ kind }) => kind)
  assert.equal(kinds.filter((kind) => kind === 'user.password_changed').length, 1)
})

test('a reset that is refused leaves the token good, the password and the sign-ins as they are', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'reset_password')
  assert.equal(await codeOf(reset(token, 'passwordpassword')), 'auth.weak_password')
  assert.equal((await app.ctxOf(ann)).actor.kind, 'user')
  assert.equal(await codeOf(reset(token)), 'none')
})

test('a token that is wrong costs no hashing', async () => {
  assert.equal(await hashesDuring(() => codeOf(reset('A'.repeat(43)))), 0)
})

test('T26: who has forgotten a password is looked up by a job, so the answer takes the same work for every address', async () => {
  const ann = await app.join()
  const statements: string[][] = []
  for (const email of [ann.user.email, 'nobody.at.all@example.com']) {
    const { ctx, seen } = watched()
    await forgotPassword(tools, ctx, { email }, ADDRESS)
    statements.push(seen)
  }
  assert.deepEqual(statements[0], statements[1])
  assert.deepEqual(statements[0], ['identity.mail_password_reset'])
})

/** A context that tells what is asked of the database, and which jobs are sent. */
function watched() {
  const seen: string[] = []
  const watch = (name: string, target: object) =>
    new Proxy(target, {
      get(of, member, receiver) {
        if (name === 'db') seen.push(String(member))
        const value = Reflect.get(of, member, receiver) as unknown
        return typeof value === 'function' ? value.bind(of) : value
      },
    })
  const jobs: Context['jobs'] = {
    send: (job, input, options) => {
      seen.push(job.name)
      return nobody.jobs.send(job, input, options)
    },
  }
  const ctx = Object.create(nobody, {
    db: { value: watch('db', db) },
    jobs: { value: jobs },
  }) as Context
  return { ctx, seen }
}

test('the link goes to the stored address of a user who may sign in, and to nobody else', async () => {
  const ann = await app.join()
  await runReset(app.kernel.ctx, ann.user.email)
  await runReset(app.kernel.ctx, 'nobody.at.all@example.com')
  assert.deepEqual(await mailsTo(ann.user.email), ['verify_email', 'reset_password'])
  assert.deepEqual(await mailsTo('nobody.at.all@example.com'), [])
  await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', ann.user.id).execute()
  await runReset(app.kernel.ctx, ann.user.email)
  assert.equal((await mailsTo(ann.user.email)).length, 2)
})

test('the database holds no token', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'reset_password')
  const rows = await db.selectFrom('oneTimeTokens').selectAll().execute()
  assert.ok(!JSON.stringify(rows).includes(token))
})

test('an address is proven by the mailed token, for 24 hours, and not when it has changed since', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'verify_email')
  const old = await tokenFor(await app.join(), 'verify_email', 'other@example.com')
  assert.equal(await codeOf(verifyEmail(nobody, old)), INVALID)
  clock.advance(24 * 60 * MINUTE_MS - 1)
  await verifyEmail(nobody, token)
  assert.equal((await userOf(ann)).emailVerified, true)
  assert.equal(await codeOf(verifyEmail(nobody, token)), INVALID)
  const late = await app.join()
  const lateToken = await tokenFor(late, 'verify_email')
  clock.advance(24 * 60 * MINUTE_MS)
  assert.equal(await codeOf(verifyEmail(nobody, lateToken)), INVALID)
})

test('where proven addresses are demanded, what lasts or reaches others waits for one', async () => {
  const ann = await app.join()
  const ctx = await app.ctxOf(ann)
  const demanding = { ...tools, verifiedEmailDemanded: true }
  assert.equal(await codeOf(requireVerifiedEmail(demanding, ctx)), 'auth.email_not_verified')
  assert.equal(await codeOf(requireVerifiedEmail(tools, ctx)), 'none')
  await verifyEmail(nobody, await tokenFor(ann, 'verify_email'))
  assert.equal(await codeOf(requireVerifiedEmail(demanding, ctx)), 'none')
})

test('proofs are demanded wherever strangers may reach the server', async () => {
  const demandedWith = async (change: object) => {
    const { tools } = await app.openAnother({ config: { ...app.config, ...change } })
    return tools.verifiedEmailDemanded
  }
  const local = {
    ...{ VERIFIED_EMAIL: 'auto', loopbackOnly: true },
    PUBLIC_URL: undefined,
    TRUSTED_PROXIES: [],
  }
  assert.equal(await demandedWith(local), false)
  assert.equal(await demandedWith({ ...local, loopbackOnly: false }), true)
  assert.equal(await demandedWith({ ...local, PUBLIC_URL: 'https://gantry.example' }), true)
  assert.equal(await demandedWith({ ...local, TRUSTED_PROXIES: ['127.0.0.1'] }), true)
  assert.equal(await demandedWith({ ...local, VERIFIED_EMAIL: 'required' }), true)
})

test('a new password keeps this device under a new sign-in, ends the others and is mailed', async () => {
  const ann = await app.join()
  const email = ann.user.email
  const other = await signIn(tools, nobody, { email, password: PASSWORD }, ADDRESS)
  const mailed = await tokenFor(ann, 'reset_password')
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  const renewed = await changePassword(tools, await app.ctxOf(ann), change, ADDRESS)
  for (const old of [ann, other]) {
    assert.equal(await codeOf(app.ctxOf(old)), 'auth.unauthenticated')
  }
  const { actor } = await app.ctxOf(renewed)
  assert.ok(actor.kind === 'user' && actor.userId === ann.user.id)
  assert.equal(await codeOf(reset(mailed)), INVALID)
  assert.ok((await mailsTo(email)).includes('password_changed'))
  assert.ok(!(await mailsTo(email)).includes('new_device'))
})

test('of two who change one password at once, one wins', async () => {
  const ann = await app.join()
  const ctx = await app.ctxOf(ann)
  const codes = await Promise.all(
    ['lanterns', 'kettles'].map((word) => {
      const newPassword = `orange bicycle seven ${word}`
      const change = { currentPassword: PASSWORD, newPassword }
      return codeOf(changePassword(tools, ctx, change, ADDRESS))
    }),
  )
  assert.deepEqual(codes.sort(), ['auth.wrong_password', 'none'])
})

test('an address changes when its new owner follows the link; the old one is told, and its links are void', async () => {
  const ann = await app.join()
  const before = ann.user.email
  const newEmail = `moved.${before}`
  const ctx = await app.ctxOf(ann)
  const wrong = changeEmail(tools, ctx, { newEmail, password: NEW_PASSWORD })
  assert.equal(await codeOf(wrong), 'auth.wrong_password')
  await changeEmail(tools, ctx, { newEmail, password: PASSWORD })
  assert.deepEqual(await mailsTo(newEmail), ['confirm_new_email'])
  assert.equal((await userOf(ann)).email, before)
  const toOld = [await tokenFor(ann, 'reset_password'), await tokenFor(ann, 'verify_email')]
  const token = await tokenFor(ann, 'confirm_new_email', newEmail)
  await confirmEmail(nobody, token)
  const after = await userOf(ann)
  assert.deepEqual([after.email, after.emailKey, after.emailVerified], [newEmail, newEmail, true])
  assert.ok((await mailsTo(before)).includes('email_changed'))
  assert.equal(await codeOf(reset(toOld[0]!)), INVALID)
  assert.equal(await codeOf(verifyEmail(nobody, toOld[1]!)), INVALID)
  assert.equal(await codeOf(confirmEmail(nobody, token)), INVALID)
})

test('a password that is changed or reset voids the change of address that was asked for with the old one', async () => {
  const ann = await app.join()
  const before = ann.user.email
  const newEmail = `stolen.${before}`
  const ctx = await app.ctxOf(ann)
  await changeEmail(tools, ctx, { newEmail, password: PASSWORD })
  assert.ok((await mailsTo(before)).includes('email_change_requested'))
  const asked = await tokenFor(ann, 'confirm_new_email', newEmail)
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  const renewed = await changePassword(tools, ctx, change, ADDRESS)
  assert.equal(await codeOf(confirmEmail(nobody, asked)), INVALID)

  const again = await tokenFor(renewed, 'confirm_new_email', newEmail)
  assert.equal(await codeOf(reset(await tokenFor(ann, 'reset_password'), PASSWORD)), 'none')
  assert.equal(await codeOf(confirmEmail(nobody, again)), INVALID)
  assert.equal((await userOf(ann)).email, before)
})

test('a password that is reset while a change of address is asked for with the old one voids that, too', async () => {
  const ann = await app.join()
  const newEmail = `raced.${ann.user.email}`
  const token = await tokenFor(ann, 'reset_password')
  const ctx = await app.ctxOf(ann)
  const between: Context['transaction'] = async (work) => {
    await reset(token)
    return ctx.transaction(work)
  }
  const late = Object.create(ctx, { transaction: { value: between } }) as Context
  const code = await codeOf(changeEmail(tools, late, { newEmail, password: PASSWORD }))
  assert.equal(code, 'auth.wrong_password')
  assert.deepEqual(await mailsTo(newEmail), [])
})

test('T26: asking for an address that another user has is answered like any other, and mails nobody', async () => {
  const [ann, bob] = [await app.join(), await app.join()]
  const ctx = await app.ctxOf(ann)
  const taken = { newEmail: bob.user.email.toUpperCase(), password: PASSWORD }
  assert.equal(await codeOf(changeEmail(tools, ctx, taken)), 'none')
  assert.deepEqual(await mailsTo(taken.newEmail), [])
  assert.deepEqual(await mailsTo(bob.user.email), ['verify_email'])
})

test('of two who confirm one new address at once, one gets it', async () => {
  const people = [await app.join(), await app.join()]
  const wanted = 'wanted.by.two@example.com'
  const tokens = await Promise.all(people.map((one) => tokenFor(one, 'confirm_new_email', wanted)))
  const codes = await Promise.all(tokens.map((token) => codeOf(confirmEmail(nobody, token))))
  assert.deepEqual(codes.sort(), ['auth.email_taken', 'none'])
})

test('a newer link of one purpose leaves those of the others good', async () => {
  const ann = await app.join()
  const token = await tokenFor(ann, 'verify_email')
  await tokenFor(ann, 'reset_password')
  await verifyEmail(nobody, token)
  await nobody.transaction(async (ctx) => mailVerification(ctx, await userOf(ann)))
})

test('what is over is deleted, and what still counts stays', async () => {
  const ann = await app.join()
  await tokenFor(ann, 'reset_password')
  await tools.attempts.take('sign_in', 'somebody')
  await tools.failures.begin('somebody@example.com')
  const counts = async () => {
    const tables = ['oneTimeTokens', 'attempts', 'passwordFailures'] as const
    const rows = tables.map((table) => db.selectFrom(table).selectAll().execute())
    return (await Promise.all(rows)).map(({ length }) => length)
  }
  const run = { id: 'a', retries: 0, progress: async () => undefined }
  await tidySignIns.run(app.kernel.ctx, {}, run)
  assert.ok((await counts()).every((count) => count > 0))
  clock.advance(3 * 24 * 60 * MINUTE_MS)
  await tidySignIns.run(app.kernel.ctx, {}, run)
  assert.deepEqual(await counts(), [0, 0, 0])
  assert.equal(await codeOf(refresh(tools, nobody, ann, ADDRESS)), 'none')
  clock.advance(121 * 24 * 60 * MINUTE_MS)
  await tidySignIns.run(app.kernel.ctx, {}, run)
  assert.deepEqual(await db.selectFrom('signIns').selectAll().execute(), [])
  assert.deepEqual(await db.selectFrom('signInRecords').selectAll().execute(), [])
})
