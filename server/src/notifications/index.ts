import { defineCapability } from '#kernel/capability.ts'
import { adminRoutes } from './admin-routes.ts'
import { check } from './check.ts'
import { published } from './events.ts'
import { jobs } from './jobs.ts'
import { mailboxRoutes } from './mailbox-routes.ts'
import type { Running } from './parts.ts'
import { mailsOfPerson } from './person-records.ts'
import { problems } from './problems.ts'
import { devMailContents, mailValues } from './sealed.ts'

export { linkTo } from './links.ts'
export { type DevMail, listDevMails } from './mailbox.ts'
export type { MailboxRule, NotificationsParts } from './parts.ts'
export { type Mail, sendMail } from './send.ts'
export { openSendGrid } from './sendgrid.ts'
export { openSmtp } from './smtp.ts'
export type { TemplateName, TemplateValues } from './templates/values.ts'
export type { Transport } from './transport.ts'

/** Mails to people: a queue, templates, ways out, and in development a mailbox to read them in. */
export function notifications(running: Running) {
  return defineCapability({
    name: 'notifications',
    summary: 'Mails to people, and what became of them',
    permissions: {
      'mails.read': 'See which mails were sent, to whom, and what became of them',
      'mails.write': 'Let addresses that have bounced get mail again',
      'mails.preview': 'In development, read the mails themselves',
    },
    routes: [...mailboxRoutes(running), ...adminRoutes],
    jobs: jobs(running),
    checks: [check(running)],
    publishes: published,
    sealed: [mailValues, devMailContents],
    personal: mailsOfPerson,
    problems,
  })
}
