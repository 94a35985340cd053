import { pageOf } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from './problems.ts'
import { letMailThrough, listMails } from './records.ts'
import { LiftSuppression, MailQuery, MailRecord } from './schema.ts'

const example = {
  id: 'mail_06f3k9w2m4qz7x8y1v5t0r6n3b',
  to: 'ann@example.com',
  template: 'verify_email',
  status: 'failed',
  attempts: 1,
  lastError: 'the mail server answered 552 5.2.2 to RCPT TO',
  createdAt: '2026-11-20T12:00:00.000Z',
  endedAt: '2026-11-20T12:00:01.000Z',
}

export const adminRoutes = [
  route({
    method: 'GET',
    path: '/v1/admin/notifications/mails',
    summary: 'List mails and what became of them, the newest first',
    description: 'For 30 days. What a mail said is not kept.',
    access: 'mails.read',
    query: MailQuery,
    returns: pageOf(MailRecord),
    examples: { query: { status: 'failed' }, reply: { items: [example], nextCursor: null } },
    handler: (ctx, { query }) => listMails(ctx, query),
  }),
  route({
    method: 'POST',
    path: '/v1/admin/notifications/suppressions/lift',
    summary: 'Let an address that has bounced get mail again',
    access: 'mails.write',
    body: LiftSuppression,
    status: 204,
    problems: [problems.notSuppressed],
    examples: { body: { email: 'ann@example.com' } },
    handler: (ctx, { body }) => letMailThrough(ctx, body),
  }),
]
