import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { openAddressGuard } from '#kernel/addresses.ts'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { linkTo, sendMail } from './index.ts'
import { openSendGrid } from './sendgrid.ts'
import { SendFailed } from './transport.ts'

interface Call {
  path: string
  headers: IncomingHttpHeaders
  // A test knows what was sent.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

/** What answers in the provider's place, one entry for each call to a recipient; 202 beyond them. */
const plans = new Map<string, ((response: ServerResponse) => void)[]>()
const calls: Call[] = []
const provider = createServer(async (request, response) => {
  const body = (await json(request)) as Call['body']
  calls.push({ path: `${request.method} ${request.url}`, headers: request.headers, body })
  const plan = plans.get(body.personalizations[0].to[0].email)?.shift()
  if (plan) plan(response)
  else response.writeHead(202, { 'x-message-id': 'provider-id-1' }).end()
})
provider.listen(0, '127.0.0.1')
await once(provider, 'listening')
after(() => provider.close())
const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`

const app = await startApp({ env: { SENDGRID_API_KEY: 'SG.key-of-tests', SENDGRID_URL: url } })
after(() => app[Symbol.asyncDispose]())

/** The first waits add up to 10 s at most. */
const ENDED_MS = 30_000

const callsTo = (address: string) =>
  calls.filter(({ body }) => body.personalizations[0].to[0].email === address)

async function post(name: string, ...answers: ((response: ServerResponse) => void)[]) {
  const to = `${app.unique(name)}@example.test`
  plans.set(to, answers)
  const { ctx, accountId } = await app.superAdmin()
  const values = { link: linkTo(ctx, 'verify-email', 'token-93'), expiresInHours: 24 }
  const id = await sendMail(ctx, { to, template: 'verify_email', values, accountId })
  const read = () =>
    ctx.db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const ended = () =>
    eventually(
      'the mail has ended',
      async () => {
        const row = await read()
        return row.endedAt ? row : undefined
      },
      ENDED_MS,
    )
  return { to, id, read, ended }
}

test('a mail goes out as one call, with a Message-ID and without anybody following its links', async () => {
  const { to, id, ended } = await post('ann')
  const row = await ended()
  assert.deepEqual([row.status, row.providerMessageId], ['sent', 'provider-id-1'])
  const [call, ...more] = callsTo(to)
  assert.equal(more.length, 0)
  assert.equal(call!.path, 'POST /v3/mail/send')
  assert.equal(call!.headers.authorization, 'Bearer SG.key-of-tests')
  const { from, content, headers, tracking_settings: tracking } = call!.body
  assert.deepEqual(from, { email: 'no-reply@localhost', name: 'Gantry' })
  assert.deepEqual(headers['Message-ID'], `<${id}@localhost>`)
  assert.deepEqual(
    content.map(({ type }: { type: string }) => type),
    ['text/plain', 'text/html'],
  )
  assert.deepEqual(tracking.click_tracking, { enable: false, enable_text: false })
})

test('429 is tried again, not before the time that the provider asks for, under the same Message-ID', async () => {
  let askedAtMs = 0
  const { to, read, ended } = await post('busy', (response) => {
    askedAtMs = Date.now()
    response.writeHead(429, { 'retry-after': '6' }).end()
  })
  const waiting = await eventually('it is put off', async () => {
    const row = await read()
    return row.status === 'queued' && row.attempts === 1 && row
  })
  assert.equal(waiting.lastError, 'the mail provider answered 429')
  // The first wait is 2 s at most.
  assert.ok(waiting.dueAt.getTime() - askedAtMs > 5_000, String(waiting.dueAt))
  const row = await ended()
  assert.deepEqual([row.status, row.attempts], ['sent', 2])
  const ids = callsTo(to).map(({ body }) => body.headers['Message-ID'])
  assert.equal(ids.length, 2)
  assert.equal(new Set(ids).size, 1)
})

test('401 fails the mail with a word on what to check, and without what the provider wrote', async () => {
  const { to, ended } = await post('nobody', (response) =>
    response.writeHead(401).end('{"errors":[{"message":"bad key SG.key-of-tests"}]}'),
  )
  const row = await ended()
  assert.deepEqual([row.status, row.attempts, row.sealedValues], ['failed', 1, null])
  assert.equal(
    row.lastError,
    'the mail provider answered 401: check SENDGRID_API_KEY and EMAIL_FROM',
  )
  assert.equal(callsTo(to).length, 1)
})

test('500 and a connection that breaks off are tried again', async () => {
  const { ended } = await post(
    'bumpy',
    (response) => response.writeHead(500).end(),
    (response) => response.destroy(),
  )
  const row = await ended()
  assert.deepEqual([row.status, row.attempts], ['sent', 3])
})

test('a provider at a private address is not called unless the operator allows that', async () => {
  const before = calls.length
  await using transport = openSendGrid({ apiKey: 'k', url, guard: openAddressGuard({ allow: [] }) })
  const mail = {
    ...{ messageId: '<1@gantry.test>', mailId: '1', to: 'ann@example.test', subject: 'Hello' },
    ...{ from: { name: 'Gantry', address: 'a@gantry.test' }, text: 'Hello', html: 'Hello' },
  }
  await assert.rejects(transport.send(mail, new AbortController().signal), SendFailed)
  assert.equal(calls.length, before)
})
