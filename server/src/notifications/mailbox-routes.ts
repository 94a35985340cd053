import { z } from 'zod'
import { httpProblems } from '#kernel/http/problems.ts'
import { Reply, route } from '#kernel/http/route.ts'
import { enterMailbox } from './mailbox-access.ts'
import { type DevMail as Kept, emptyMailbox, getDevMail, listDevMails } from './mailbox.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { DevMail, DevMailSummary } from './schema.ts'

const access = {
  public:
    'in development only, for whoever is on the machine or for super-admins; 404 for everybody else',
}

/** Nothing of the mail runs, loads or navigates the console; links open in a tab of their own. */
const PREVIEW_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

const summary = {
  id: 'mail_06f3k9w2m4qz7x8y1v5t0r6n3b',
  to: 'ann@example.com',
  template: 'verify_email',
  subject: 'Confirm your e-mail address',
  createdAt: '2026-11-20T12:00:00.000Z',
}
const example = { ...summary, text: 'Confirm that this address is yours …', html: '<p>…</p>' }

/** The mailbox that stands in for all others during development. */
export function mailboxRoutes(running: Running) {
  return [
    route({
      method: 'GET',
      path: '/v1/dev/mails',
      summary: 'In development: list the mails that were sent',
      description: 'The last 200, the newest first.',
      access,
      returns: z.strictObject({ items: z.array(DevMailSummary) }),
      problems: [httpProblems.unauthenticated, problems.noMailbox],
      examples: { reply: { items: [summary] } },
      handler: async (ctx, { request }) => {
        await enterMailbox(running(), request)
        return { items: (await listDevMails(ctx)).map(summarize) }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/dev/mails/:id',
      summary: 'In development: show a mail',
      description: 'As JSON, or with `Accept: text/html` as the page that a mail program shows.',
      access,
      params: z.strictObject({ id: z.string().max(64) }),
      returns: DevMail,
      alsoReturns: ['text/html'],
      problems: [httpProblems.unauthenticated, problems.noMailbox, problems.notFound],
      examples: { params: { id: summary.id }, reply: example },
      handler: async (ctx, { params, request }) => {
        await enterMailbox(running(), request)
        const mail = await getDevMail(ctx, params.id)
        return request.prefers('text/html') ? preview(mail) : present(mail)
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/dev/mails',
      summary: 'In development: empty the mailbox',
      access,
      problems: [httpProblems.unauthenticated, problems.noMailbox],
      handler: async (ctx, { request }) => {
        await enterMailbox(running(), request)
        await emptyMailbox(ctx)
      },
    }),
  ]
}

function preview({ html }: Kept): Reply {
  const headers = { 'content-security-policy': PREVIEW_POLICY }
  return Reply.content(html, 'text/html; charset=utf-8', headers)
}

function summarize({ id, to, template, subject, createdAt }: Kept): DevMailSummary {
  return { id, to, template, subject, createdAt: createdAt.toISOString() }
}

function present(mail: Kept): DevMail {
  return { ...summarize(mail), text: mail.text, html: mail.html }
}
