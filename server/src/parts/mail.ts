import { isIP } from 'node:net'
import { allows } from '#access/index.ts'
import { openAddressGuard } from '#kernel/addresses.ts'
import { type Config, isLoopback } from '#kernel/config.ts'
import {
  type MailboxRule,
  type NotificationsParts,
  openSendGrid,
  openSmtp,
  type Transport,
} from '#notifications/index.ts'

export type MailParts = NotificationsParts & AsyncDisposable

/** What mail works with, as the configuration says. Nothing connects before there is a mail. */
export function openMailParts(
  config: Config,
  authenticate: NotificationsParts['authenticate'],
): MailParts {
  const transport = openTransport(config)
  return {
    transport,
    from: config.EMAIL_FROM ?? { name: 'Gantry', address: `no-reply@${senderDomain(config)}` },
    mailbox: mailboxRule(config, transport !== undefined),
    authenticate,
    allows,
    [Symbol.asyncDispose]: async () => transport?.[Symbol.asyncDispose](),
  }
}

function openTransport(config: Config): Transport | undefined {
  const { SMTP_URL, SENDGRID_API_KEY, SENDGRID_URL, EGRESS_ALLOW } = config
  if (SMTP_URL) {
    return openSmtp({ url: SMTP_URL, requireTls: requiresTls(SMTP_URL) })
  }
  if (!SENDGRID_API_KEY) return undefined
  const guard = openAddressGuard({ allow: EGRESS_ALLOW })
  return openSendGrid({ apiKey: SENDGRID_API_KEY, url: SENDGRID_URL, guard })
}

/** Nobody else hears what goes to a server on this machine. */
export function requiresTls(smtpUrl: string): boolean {
  return !isLoopback(new URL(smtpUrl).hostname.replace(/^\[|\]$/g, ''))
}

function senderDomain({ PUBLIC_URL }: Config): string {
  const host = PUBLIC_URL && new URL(PUBLIC_URL).hostname
  return host && !isIP(host) && !host.startsWith('[') ? host : 'localhost'
}

/** Behind a proxy that nobody told of, strangers seem to be on this machine: only who says `development` means it. */
function mailboxRule(config: Config, hasTransport: boolean): MailboxRule {
  const { NODE_ENV, loopbackOnly, PUBLIC_URL, TRUSTED_PROXIES } = config
  const isPrivate = loopbackOnly && !PUBLIC_URL && TRUSTED_PROXIES.length === 0
  if (NODE_ENV === 'development') return isPrivate ? 'machine' : 'admins'
  return isPrivate && !hasTransport ? 'admins' : 'closed'
}
