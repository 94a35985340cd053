import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { linkTo, sendMail } from './index.ts'
import { openSmtp, smtpFailure } from './smtp.ts'
import { TestMailServer } from './test-mail-server.ts'
import { type OutgoingMail, SendFailed } from './transport.ts'

const server = await TestMailServer.open({
  rcpt: (address, before) => {
    if (address.startsWith('greylisted') && before === 0) {
      return { code: 451, message: '4.7.1 Greylisted, try again' }
    }
    if (address.startsWith('unknown')) return { code: 550, message: '5.1.1 No such user' }
    if (address.startsWith('full')) return { code: 552, message: '5.2.2 Mailbox full' }
    return undefined
  },
})
after(() => server[Symbol.asyncDispose]())
const app = await startApp({
  env: { SMTP_URL: server.url, EMAIL_FROM: 'Gantry Test <post@gantry.test>' },
})
after(() => app[Symbol.asyncDispose]())

async function post(to: string) {
  const { ctx, accountId } = await app.superAdmin()
  const values = { link: linkTo(ctx, 'verify-email', 'token-93'), expiresInHours: 24 }
  const id = await sendMail(ctx, { to, template: 'verify_email', values, accountId })
  const ended = await eventually('the mail has ended', async () => {
    const row = await ctx.db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirst()
    return row?.endedAt ? row : undefined
  })
  return { id, row: ended, accountId, ctx }
}

test('a mail is sent once, with text and HTML and a Message-ID of its own', async () => {
  const to = `${app.unique('ann')}@example.test`
  const { id, row, accountId } = await post(to)
  assert.deepEqual([row.status, row.attempts, row.sealedValues], ['sent', 1, null])
  const [mail, ...more] = server.to(to)
  assert.deepEqual([mail!.from, more.length], ['post@gantry.test', 0])
  assert.match(mail!.raw, new RegExp(`^Message-ID: <${id}@gantry\\.test>\r$`, 'm'))
  assert.match(mail!.raw, /^From: Gantry Test <post@gantry\.test>\r$/m)
  assert.match(mail!.raw, /^Content-Type: text\/plain/m)
  assert.match(mail!.raw, /^Content-Type: text\/html/m)
  assert.match(mail!.raw, /^Auto-Submitted: auto-generated\r$/m)
  assert.deepEqual((await app.eventKinds(accountId)).slice(-1), ['mail.sent'])
})

test('a mail that is put off for now is tried again, and sent', async () => {
  const to = `${app.unique('greylisted')}@example.test`
  const { row, accountId } = await post(to)
  assert.deepEqual([row.status, row.attempts, row.lastError], ['sent', 2, null])
  assert.equal(server.to(to).length, 1)
  const kinds = await app.eventKinds(accountId)
  assert.deepEqual(
    kinds.filter((kind) => kind.startsWith('mail.')),
    ['mail.sent'],
  )
})

test('a mail that is refused for good fails with its reason, and the next to that address is tried', async () => {
  const to = `${app.unique('full')}@example.test`
  const { row, accountId } = await post(to)
  assert.deepEqual([row.status, row.attempts, row.sealedValues], ['failed', 1, null])
  assert.equal(row.lastError, 'the mail server answered 552 5.2.2 to RCPT TO')
  assert.deepEqual((await app.eventKinds(accountId)).slice(-1), ['mail.failed'])
  assert.equal((await post(to)).row.attempts, 1)
})

test('an address without a mailbox bounces once and gets no more mail, until an admin lets it', async () => {
  const name = app.unique('unknown')
  const { row, accountId } = await post(`${name}@example.test`)
  assert.deepEqual([row.status, row.attempts], ['bounced', 1])
  assert.deepEqual((await app.eventKinds(accountId)).slice(-1), ['mail.bounced'])

  const again = await post(`${name.toUpperCase()}@EXAMPLE.test`)
  assert.deepEqual([again.row.status, again.row.attempts], ['bounced', 0])
  assert.deepEqual((await app.eventKinds(again.accountId)).slice(-1), ['mail.bounced'])

  const root = await app.superAdmin()
  const lift = () =>
    root.post('/v1/admin/notifications/suppressions/lift', { email: `${name}@example.test` })
  assert.equal((await lift()).status, 204)
  const second = await lift()
  assert.deepEqual([second.status, second.body.code], [404, 'mail.not_suppressed'])
  assert.equal((await post(`${name}@example.test`)).row.attempts, 1)
})

test('what became of each mail is listed for operators only', async () => {
  const to = `${app.unique('full')}@example.test`
  const { id, ctx } = await post(to)
  const root = await app.superAdmin()
  const { body } = await root.get('/v1/admin/notifications/mails?status=failed&limit=1')
  assert.equal(body.items[0].id, id)
  assert.deepEqual([body.items[0].to, body.items[0].status], [to, 'failed'])
  const next = await root.get(
    `/v1/admin/notifications/mails?status=failed&cursor=${body.nextCursor}`,
  )
  assert.ok(next.body.items.every((mail: { id: string }) => mail.id !== id))
  const ann = await app.person()
  assert.equal((await ann.get('/v1/admin/notifications/mails')).status, 403)

  const health = await app.request('GET', '/health/mail')
  assert.deepEqual([health.status, health.body.status], [200, 'degraded'])
  assert.match(health.body.detail, /given up in the last hour/)
  await ctx.db
    .updateTable('mails')
    .set({ endedAt: new Date(0) })
    .where('endedAt', 'is not', null)
    .execute()
})

const MAIL: OutgoingMail = {
  ...{ messageId: '<mail_1@gantry.test>', mailId: 'mail_1', to: 'ann@example.test' },
  from: { name: 'Gantry', address: 'post@gantry.test' },
  ...{ subject: 'Hello', text: 'Hello\n', html: '<p>Hello</p>' },
}
const never = new AbortController().signal

async function failureOf(sending: Promise<unknown>): Promise<SendFailed> {
  const error = await sending.then(
    () => assert.fail('it was sent'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof SendFailed, String(error))
  return error
}

test('where TLS is required, a server without it gets neither mail nor password', async () => {
  let signedIn = false
  await using plain = await TestMailServer.open({
    onAuth: (_auth, _session, callback) => {
      signedIn = true
      callback(null, { user: 'ann' })
    },
  })
  const url = `smtp://ann:secret@127.0.0.1:${plain.port}`
  await using transport = openSmtp({ url, requireTls: true })
  const failure = await failureOf(transport.send(MAIL, never))
  assert.equal(failure.kind, 'temporary')
  assert.deepEqual([plain.seen.length, signedIn], [0, false])

  await using open = openSmtp({ url, requireTls: false })
  await open.send(MAIL, never)
  assert.equal(plain.taken.length, 1)
})

test('where TLS is required, a certificate that nobody vouches for is refused', async () => {
  await using offering = await TestMailServer.open({ hideSTARTTLS: false })
  await using transport = openSmtp({ url: offering.url, requireTls: true })
  assert.equal((await failureOf(transport.send(MAIL, never))).kind, 'temporary')
  assert.equal(offering.seen.length, 0)
})

test('a server that never answers is given up at the deadline, and at once when the process stops', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`
  await using transport = openSmtp({ url, requireTls: false, deadlineMs: 200 })
  const failure = await failureOf(transport.send(MAIL, never))
  assert.deepEqual([failure.kind, failure.message], ['temporary', 'the mail server took too long'])
  const stopping = AbortSignal.abort(new Error('the process is stopping'))
  await assert.rejects(transport.send(MAIL, stopping), /the process is stopping/)
  for (const socket of sockets) socket.destroy()
  silent.close()
})

test('a wrong password fails the mail with a word on what to check', async () => {
  await using server = await TestMailServer.open({
    authOptional: false,
    onAuth: (_auth, _session, callback) =>
      callback(Object.assign(new Error('no'), { responseCode: 535 })),
  })
  await using transport = openSmtp({
    url: `smtp://ann:wrong@127.0.0.1:${server.port}`,
    requireTls: false,
  })
  const failure = await failureOf(transport.send(MAIL, never))
  assert.equal(failure.kind, 'refused')
  assert.match(failure.message, /535.*check the user and password of SMTP_URL/)
})

test('what a server answered is told apart, and its words are left out', () => {
  const kind = (response: string, command = 'RCPT TO', code = 'EENVELOPE') => {
    const responseCode = Number(response.slice(0, 3))
    const failure = smtpFailure(
      Object.assign(new Error('x'), { code, command, response, responseCode }),
    )
    assert.ok(!failure.message.includes('token-93'), failure.message)
    return failure.kind
  }
  assert.equal(kind('550 5.1.1 no such user token-93'), 'bounced')
  assert.equal(kind('550 No such user'), 'bounced')
  assert.equal(kind('550 5.7.1 rejected as spam: token-93'), 'refused')
  assert.equal(kind('550 rejected', 'DATA', 'EMESSAGE'), 'refused')
  assert.equal(kind('554 5.7.1 relay denied'), 'refused')
  assert.equal(kind('421 4.3.2 closing', 'MAIL FROM'), 'temporary')
  assert.equal(smtpFailure(new Error('token-93')).kind, 'temporary')
})
