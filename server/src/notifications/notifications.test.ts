import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'
import { linkTo, sendMail } from './index.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())

test('a mail is sent once, after the commit, and what it was to say is erased', async () => {
  const { ctx, accountId, email: to } = await app.person()
  const link = linkTo(ctx, 'verify-email', 'token-93')
  const id = await ctx.transaction((ctx) =>
    sendMail(ctx, {
      to,
      template: 'verify_email',
      values: { link, expiresInHours: 24 },
      accountId,
    }),
  )
  const mail = await app.mailTo(to, 'verify_email')
  assert.deepEqual([mail.id, mail.link], [id, `${app.url}/#verify-email=token-93`])
  assert.match(mail.html, /<a href="http[^"]+#verify-email=token-93"/)
  const row = await ctx.db.selectFrom('mails').selectAll().where('id', '=', id).executeTakeFirst()
  assert.deepEqual([row?.status, row?.attempts, row?.sealedValues], ['sent', 1, null])
  assert.ok((await app.eventKinds(accountId)).includes('mail.sent'))
})
