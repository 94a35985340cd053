import { defineCapability } from '#kernel/capability.ts'
import { published } from './events.ts'
import { jobs } from './jobs.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'

export { linkTo } from './links.ts'
export { type DevMail, listDevMails } from './mailbox.ts'
export type { MailboxRule, NotificationsParts } from './parts.ts'
export { type Mail, sendMail } from './send.ts'
export type { TemplateName, TemplateValues } from './templates/values.ts'

/** Mails to people: a queue, templates, ways out, and in development a mailbox to read them in. */
export function notifications(running: Running) {
  return defineCapability({
    name: 'notifications',
    summary: 'Mails to people, and what became of them',
    jobs: jobs(running),
    publishes: published,
    problems,
  })
}
