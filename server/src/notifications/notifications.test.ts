import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import fc from 'fast-check'
import type { Context } from '#kernel/context.ts'
import { Problem } from '#kernel/problem.ts'
import { eventually } from '#kernel/test-support.ts'
import { startApp } from '#test/app.ts'
import { linkTo, sendMail, type TemplateValues } from './index.ts'
import { sweepKind } from './jobs.ts'
import { sealValues } from './sealed.ts'
import { languageFor, renderMail } from './templates/render.ts'
import { TestMailServer } from './test-mail-server.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

const at = '2026-11-20T12:00:00.000Z'
const link = 'https://gantry.test/#verify-email=token-93'
const EXAMPLES: { [Name in keyof TemplateValues]: TemplateValues[Name] } = {
  verify_email: { link, expiresInHours: 24 },
  reset_password: { link, expiresInMinutes: 30, ipAddress: '192.0.2.1' },
  password_changed: { at, ipAddress: '192.0.2.1', userAgent: 'test/1' },
  email_changed: { newEmailMasked: 'a…@example.test', at },
  email_change_requested: { newEmailMasked: 'a…@example.test', at },
  confirm_new_email: { link, expiresInHours: 1 },
  new_device: { at },
  sign_in_locked: { until: at },
  second_factor_locked: { until: at },
  user_restored: { at },
  export_ready: { link, availableUntil: at },
  invitation: { link, inviter: 'Ann', account: 'Shop', role: 'member', expiresInHours: 72 },
  second_factor_changed: { what: 'backup_code_used', codesLeft: 2, at },
  user_created: { link, account: 'Shop', expiresInHours: 72 },
  tier_changed: { account: 'Shop', tier: 'premium', before: 'free', at },
  alerts_raised: { count: 2, alerts: ['many_exports, usr_1: 31 exports', 'x'], at },
  identity_changed: { provider: 'Acme', what: 'linked', at },
  account_deletion: { restoreUntil: at, link },
}

const invite = (values: Partial<TemplateValues['invitation']>) =>
  renderMail('invitation', 'en', { ...EXAMPLES.invitation, ...values })

/** Sends as somebody new. */
async function post<Name extends keyof TemplateValues>(
  template: Name,
  values: (ctx: Context) => TemplateValues[Name],
) {
  const { ctx, accountId, email: to } = await app.superAdmin()
  const id = await sendMail(ctx, { to, template, values: values(ctx), accountId })
  return { id, to, ctx, accountId }
}

test('a mail is sent once, after the commit, and what it was to say is erased', async () => {
  const { ctx, accountId, email: to } = await app.superAdmin()
  const values = { link: linkTo(ctx, 'verify-email', 'token-93'), expiresInHours: 24 }
  const id = await ctx.transaction((ctx) =>
    sendMail(ctx, { to, template: 'verify_email', values, accountId }),
  )
  const mail = await app.mailTo(to, 'verify_email')
  assert.deepEqual([mail.id, mail.link], [id, `${app.url}/#verify-email=token-93`])
  assert.match(mail.html, /<a href="http[^"]+#verify-email=token-93"/)
  const row = await ctx.db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirst()
  assert.deepEqual([row?.status, row?.attempts, row?.sealedValues], ['sent', 1, null])
  const kinds = await app.eventKinds(accountId)
  assert.equal(kinds.filter((kind) => kind === 'mail.sent').length, 1)
})

test('a transaction that is rolled back sends nothing', async () => {
  const { ctx, email: to } = await app.superAdmin()
  const sending = ctx.transaction(async (ctx) => {
    await sendMail(ctx, { to, template: 'sign_in_locked', values: { until: at } })
    throw new Error('changed my mind')
  })
  await assert.rejects(sending, /changed my mind/)
  const rows = await ctx.db.selectFrom('mails').select('id').where('toAddress', '=', to).execute()
  assert.deepEqual(rows, [])
})

test('every template has a subject, a text and an HTML that say the same', () => {
  for (const [name, values] of Object.entries(EXAMPLES)) {
    const { subject, text, html } = renderMail(name, 'en', values)
    assert.match(subject, /^\S.{5,}\S$/, name)
    assert.ok(html.includes(`<h1 style="font-size:20px">`), name)
    for (const document of [text, html]) {
      assert.equal(document.includes(link), 'link' in values, name)
      assert.doesNotMatch(document, /undefined|null|\[object|NaN/, name)
    }
  }
})

test('what is put into a mail is text in its HTML, whatever it is', () => {
  const { html } = invite({ inviter: '<img src=x onerror=alert(1)>', account: '"><script>' })
  assert.ok(html.includes('&lt;img src=x onerror=alert(1)&gt;'))
  assert.doesNotMatch(html, /<img|<script/)
  fc.assert(
    fc.property(fc.string(), (inviter) => {
      const tags = (text: string) => text.match(/<[a-z/!]+/g)
      assert.deepEqual(tags(invite({ inviter }).html), tags(invite({}).html))
    }),
  )
})

test('a name that somebody chose brings no address of its own into a mail to others', () => {
  const { subject, text } = invite({
    account: 'Free money at https://evil.test/x or www.evil.test',
    inviter: `evil.test/${'a'.repeat(300)}`,
  })
  assert.doesNotMatch(subject + text.replace(link, ''), /evil/)
  assert.ok(subject.length < 200)
})

test('a language without templates falls back to English', () => {
  assert.deepEqual(['en-GB', 'xx', undefined, 'constructor'].map(languageFor), Array(4).fill('en'))
})

test('line ends and control characters are refused in every value and in the address', async () => {
  const { ctx } = await app.superAdmin()
  const refused = (error: unknown) =>
    error instanceof Problem && error.code === 'mail.invalid_value'
  for (const evil of [
    'a\r\nBcc: eve@evil.test',
    'a\nb',
    'a\u0000b',
    'a\u2028b',
    'a'.repeat(2_001),
  ]) {
    const values = { ...EXAMPLES.invitation, link: linkTo(ctx, 'invitation', 't'), account: evil }
    const to = 'ann@example.test'
    await assert.rejects(sendMail(ctx, { to, template: 'invitation', values }), refused)
  }
  const addresses = ['a@b.test\r\nBcc: eve@evil.test', 'a@b.test, eve@evil.test', 'Eve <a@b.test>']
  for (const to of [...addresses, '-oX/tmp/x@b.test', 'a b@c.test', 'a@', '@b.test', '']) {
    const sending = sendMail(ctx, { to, template: 'sign_in_locked', values: { until: at } })
    await assert.rejects(sending, refused, to)
  }
})

test('T30: a link leads to the configured host, whatever Host and X-Forwarded-Host say', async () => {
  await using named = await startApp({ env: { PUBLIC_URL: 'https://gantry.example' } })
  const [ctx, to] = [named.app.systemContext(), 'ann@example.test']
  assert.equal(
    linkTo(ctx, 'reset-password', 'abc_-1'),
    'https://gantry.example/#reset-password=abc_-1',
  )
  assert.throws(() => linkTo(ctx, 'reset-password', '@evil.test/'), /no link can be made/)
  assert.throws(() => linkTo(ctx, '//evil.test/', 'abc'), /no link can be made/)
  for (const foreign of [
    'https://evil.test/#reset-password=abc',
    'https://gantry.example.evil.test/#reset-password=abc',
    'https://gantry.example@evil.test/',
    'javascript:alert(1)',
  ]) {
    const values = { link: foreign, expiresInMinutes: 30 }
    const sending = sendMail(ctx, { to, template: 'reset_password', values })
    await assert.rejects(sending, /make them with linkTo/, foreign)
  }
})

test('in production without a transport mails wait, and health says what to set', async () => {
  await using bare = await startApp({ env: { PUBLIC_URL: 'https://gantry.example' } })
  const [ctx, to] = [bare.app.systemContext(), 'ann@example.test']
  const id = await sendMail(ctx, { to, template: 'sign_in_locked', values: { until: at } })
  const row = await eventually('a try was made', async () => {
    const query = ctx.db.selectFrom('mails').selectAll().where('id', '=', id)
    const found = await query.executeTakeFirstOrThrow()
    return found.lastError ? found : undefined
  })
  assert.deepEqual([row.status, row.lastError], ['queued', 'no mail transport is set up'])
  assert.deepEqual(await ctx.db.selectFrom('devMails').select('id').execute(), [])
  const checks = bare.app.capabilities.flatMap((capability) => capability.checks ?? [])
  const health = await checks.find(({ name }) => name === 'mail')!.run(ctx)
  assert.equal(health.status, 'degraded')
  assert.match(health.detail!, /SMTP_URL or SENDGRID_API_KEY/)
})

test('T63: what a mail says is in no log, no event and no table, whatever became of the mail', async () => {
  const CANARY = 'canary93canary93'
  const lines: string[] = []
  const logTo = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk))
      done()
    },
  })
  await using server = await TestMailServer.open({
    take: ({ to, raw }, before) => {
      const echo = `5.7.1 ${to} ${raw.replace(/\s+/g, ' ').slice(0, 400)} ${CANARY}`
      if (to.startsWith('spam')) return { code: 554, message: echo }
      return before % 2 === 0 ? { code: 451, message: echo } : undefined
    },
  })
  const env = { SMTP_URL: server.url, LOG_LEVEL: 'trace' }
  {
    await using told = await startApp({ env, logTo })
    const { ctx, accountId } = await told.superAdmin()
    const values = { link: linkTo(ctx, 'reset-password', CANARY), expiresInMinutes: 30 }
    for (const to of ['spam-93@example.test', 'fine-93@example.test']) {
      await sendMail(ctx, { to, template: 'reset_password', values, accountId })
    }
    // While the mails are open, too.
    assert.doesNotMatch(await everything(ctx), new RegExp(CANARY))
    await eventually('both have ended', async () => {
      const open = await ctx.db
        .selectFrom('mails')
        .select('id')
        .where('endedAt', 'is', null)
        .execute()
      return open.length === 0
    })
    assert.doesNotMatch(await everything(ctx), new RegExp(CANARY))
    const events = await ctx.db.selectFrom('events').select('data').execute()
    assert.doesNotMatch(JSON.stringify(events), /spam-93|fine-93/)
  }
  assert.ok(server.seen.length > 0)
  assert.ok(lines.some((line) => line.includes('mail is given up')))
  assert.doesNotMatch(lines.join(''), /canary93|spam-93|fine-93/)
})

/** Every row of every table, as text. */
async function everything({ db }: Context): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
    and has_table_privilege(format('%I.%I', table_schema, table_name), 'select')`.execute(db)
  const tables = rows.map(async ({ name }) => {
    const found = await sql<{ row: string }>`select t::text as row from ${sql.raw(name)} t`.execute(
      db,
    )
    return found.rows.map(({ row }) => row)
  })
  return (await Promise.all(tables)).flat().join('\n')
}

test('a mail whose job was lost is queued again, and one that ended long ago is deleted', async () => {
  const [lost, old] = [
    await post('sign_in_locked', () => ({ until: at })),
    await post('sign_in_locked', () => ({ until: at })),
  ]
  await Promise.all([app.mailTo(lost.to), app.mailTo(old.to)])
  const { db } = lost.ctx
  const sealedValues = sealValues(lost.ctx, lost.id, { until: at })
  const longAgo = new Date(0)
  await db
    .updateTable('mails')
    .set({ status: 'sending', endedAt: null, sealedValues, dueAt: longAgo })
    .where('id', '=', lost.id)
    .execute()
  await db.updateTable('mails').set({ endedAt: longAgo }).where('id', '=', old.id).execute()

  await app.app.systemContext().jobs.send(sweepKind, {})
  await eventually('it is sent', async () => {
    const row = db.selectFrom('mails').select(['status', 'attempts']).where('id', '=', lost.id)
    return JSON.stringify(await row.executeTakeFirst()) === '{"status":"sent","attempts":2}'
  })
  await eventually('the old one is gone', async () => {
    const row = await db.selectFrom('mails').select('id').where('id', '=', old.id).execute()
    return row.length === 0
  })
})
