import { allows } from '#access/index.ts'
import type { Config } from '#kernel/config.ts'
import type { Logger } from '#kernel/log.ts'
import type { MailboxRule, NotificationsParts } from '#notifications/index.ts'

export type MailParts = NotificationsParts & AsyncDisposable

export interface MailPartsOptions {
  config: Config
  log: Logger
  authenticate: NotificationsParts['authenticate']
}

/** What mail works with, as the configuration says. */
export function openMailParts({ config, authenticate }: MailPartsOptions): MailParts {
  return {
    from: { name: 'Gantry', address: 'no-reply@localhost' },
    mailbox: mailboxRule(config, false),
    authenticate,
    allows,
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Behind a proxy that nobody told of, strangers seem to be on this machine: only who says `development` means it. */
function mailboxRule(config: Config, hasTransport: boolean): MailboxRule {
  const { NODE_ENV, loopbackOnly, PUBLIC_URL, TRUSTED_PROXIES } = config
  const isPrivate = loopbackOnly && !PUBLIC_URL && TRUSTED_PROXIES.length === 0
  if (NODE_ENV === 'development') return isPrivate ? 'machine' : 'admins'
  return isPrivate && !hasTransport ? 'admins' : 'closed'
}
