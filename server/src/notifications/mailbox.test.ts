import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { startApp, type TestApp } from '#test/app.ts'
import { linkTo, sendMail } from './index.ts'
import { keepInMailbox } from './mailbox.ts'

const app = await startApp({ env: { NODE_ENV: 'development' } })
after(() => app[Symbol.asyncDispose]())

const MAILS = '/v1/dev/mails'

async function post(app: TestApp) {
  const { ctx, email: to } = await app.superAdmin()
  const values = { link: linkTo(ctx, 'verify-email', 'token-93'), expiresInHours: 24 }
  await sendMail(ctx, { to, template: 'verify_email', values })
  return app.mailTo(to)
}

/** With headers that `fetch` does not let a program set. */
async function statusWith(headers: Record<string, string>): Promise<number> {
  const sent = request(`${app.url}/api${MAILS}`, { headers }).end()
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', async (response) => {
      await text(response)
      resolve(response.statusCode!)
    })
  })
}

test('in development whoever is on this machine reads the mails, and empties the mailbox', async () => {
  const { id, to } = await post(app)
  const list = await app.request('GET', MAILS)
  assert.equal(list.status, 200)
  const [newest] = list.body.items
  assert.deepEqual([newest.id, newest.to, newest.subject], [id, to, 'Confirm your e-mail address'])
  const { body } = await app.request('GET', `${MAILS}/${id}`)
  assert.match(body.text, /#verify-email=token-93/)

  const page = await app.request('GET', `${MAILS}/${id}`, { headers: { accept: 'text/html' } })
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy')!
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /sandbox allow-popups/)
  assert.doesNotMatch(policy, /allow-scripts|allow-same-origin|script-src/)

  assert.equal((await app.request('DELETE', MAILS)).status, 204)
  assert.deepEqual((await app.request('GET', MAILS)).body, { items: [] })
  const gone = await app.request('GET', `${MAILS}/${id}`)
  assert.deepEqual([gone.status, gone.body.code], [404, 'mail.not_found'])
})

test('a page of another site, a name that was made to lead here and a proxy get nothing', async () => {
  const { host } = new URL(app.url)
  assert.equal(await statusWith({ host }), 200)
  assert.equal(await statusWith({ host, 'sec-fetch-site': 'same-origin' }), 200)
  assert.equal(await statusWith({ host: 'evil.test' }), 404)
  assert.equal(await statusWith({ host: 'localhost.evil.test' }), 404)
  assert.equal(await statusWith({ host, 'sec-fetch-site': 'cross-site' }), 404)
  assert.equal(await statusWith({ host, 'x-forwarded-for': '127.0.0.1' }), 404)
  assert.equal(await statusWith({ host, via: '1.1 proxy' }), 404)
})

test('on loopback, unless development is asked for, the mailbox is for super-admins', async () => {
  await using quiet = await startApp()
  const { id } = await post(quiet)
  const [root, ann] = [await quiet.superAdmin(), await quiet.person()]
  const seen = await root.get(MAILS)
  const ids = (body: { items: { id: string }[] }) => body.items.map((item) => item.id)
  assert.deepEqual([seen.status, ids(seen.body).includes(id)], [200, true])
  for (const path of [MAILS, `${MAILS}/${id}`]) {
    for (const answer of [await ann.get(path), await quiet.request('GET', path)]) {
      assert.deepEqual([answer.status, answer.body.code], [404, 'mail.no_mailbox'])
    }
  }
  assert.equal((await ann.delete(MAILS)).status, 404)
  assert.ok(ids((await root.get(MAILS)).body).includes(id))
  const health = await quiet.request('GET', '/health/mail')
  assert.deepEqual([health.status, health.body.status], [200, 'ok'])
  assert.match(health.body.detail, /development mailbox/)
})

test('in production there is no mailbox, for super-admins neither', async () => {
  await using production = await startApp({ env: { SMTP_URL: 'smtp://127.0.0.1:9' } })
  const root = await production.superAdmin()
  for (const answer of [await root.get(MAILS), await root.delete(MAILS)]) {
    assert.deepEqual([answer.status, answer.body.code], [404, 'mail.no_mailbox'])
  }
  const { body } = await production.request('GET', '/health/mail')
  assert.doesNotMatch(JSON.stringify(body), /mailbox/)
})

test('the mailbox keeps the last 200', async () => {
  const { ctx, ...first } = { ...(await post(app)), ctx: app.app.systemContext() }
  const row = await ctx.db.selectFrom('mails').selectAll().where('id', '=', first.id).execute()
  const more = Array.from({ length: 200 }, () => ({ ...row[0]!, id: ctx.newId('mail') }))
  await ctx.db.insertInto('mails').values(more).execute()
  for (const { id } of more) {
    await keepInMailbox(ctx, id, { subject: 'One of many', text: '', html: '' })
  }
  const { body } = await app.request('GET', MAILS)
  assert.equal(body.items.length, 200)
  assert.ok(body.items.every(({ id }: { id: string }) => id !== first.id))
})
