import type { OutgoingMail, Transport } from './transport.ts'
import { SendFailed } from './transport.ts'

export interface SmtpOptions {
  /** `smtp:` or `smtps:`, with user and password in it where the server wants them. */
  url: string
  /** Whether mails may leave over TLS only; a server on this machine needs none. */
  requireTls: boolean
  /** Of one mail, everything included; 45 s unless given. */
  deadlineMs?: number
}

const DEADLINE_MS = 45_000
const CONNECT_MS = 10_000
const SILENCE_MS = 20_000
const CONNECTIONS = 2

/** Mails over SMTP, through a few connections that stay open for the next. The library is loaded with the first mail. */
export function openSmtp({ url, requireTls, deadlineMs = DEADLINE_MS }: SmtpOptions): Transport {
  let pool: ReturnType<typeof openPool> | undefined
  return {
    name: 'smtp',
    async send(mail, signal) {
      pool ??= openPool(url, requireTls)
      const deadline = AbortSignal.timeout(deadlineMs)
      try {
        const sending = AbortSignal.any([signal, deadline])
        const { messageId: _ours, response } = await (await pool).sendMail(message(mail, sending))
        return queueId(response)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (deadline.aborted) throw new SendFailed('temporary', 'the mail server took too long')
        throw smtpFailure(error as SmtpError)
      }
    },
    async [Symbol.asyncDispose]() {
      const open = await pool
      open?.close()
    },
  }
}

async function openPool(url: string, requireTls: boolean) {
  const { createTransport } = await import('nodemailer')
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  return createTransport({
    pool: true,
    maxConnections: CONNECTIONS,
    maxRequeues: 1,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (secure ? 465 : 587),
    secure,
    // Without this, whoever stands in between could strike out that the server offers TLS.
    ...(requireTls ? { requireTLS: true } : { ignoreTLS: !secure }),
    ...(username && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function message({ messageId, from, to, subject, text, html }: OutgoingMail, signal: AbortSignal) {
  const headers = { 'Auto-Submitted': 'auto-generated' }
  return { messageId, from, to, subject, text, html, headers, signal }
}

/** What the server named the mail, for those who look for it in its log. */
function queueId(response: string | undefined): string | undefined {
  return /\b(?:queued as|id[ =:]+)\s*<?([\w.@+-]{1,100})/i.exec(response ?? '')?.[1]
}

export interface SmtpError extends Error {
  code?: string
  command?: string
  responseCode?: number
  response?: string
}

const NO_MAILBOX = new Set([550, 551, 553])
/** RFC 3463: bad mailbox, bad system, bad syntax, moved, a domain that takes no mail. */
const NO_MAILBOX_STATUS = /^5\.1\.(1|2|3|6|10)$/

/** What went wrong, without what the server wrote. 4xx may pass, 5xx will not (RFC 5321, 4.2.1). */
export function smtpFailure(error: SmtpError): SendFailed {
  const { code = 'unknown', command = '', responseCode, response = '' } = error
  const step = /^[A-Z]{3,8}( [A-Z]{2,8})?/.exec(command)?.[0] ?? 'the connection'
  if (!responseCode)
    return new SendFailed('temporary', `the mail server could not be used: ${reasonOf(code)}`)
  const status = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1]
  const answer = `the mail server answered ${[responseCode, status].filter(Boolean).join(' ')} to ${step}`
  if (responseCode < 500) return new SendFailed('temporary', answer)
  if (code === 'EAUTH')
    return new SendFailed('refused', `${answer}: check the user and password of SMTP_URL`)
  const isBounce = status
    ? NO_MAILBOX_STATUS.test(status)
    : command.startsWith('RCPT') && NO_MAILBOX.has(responseCode)
  return new SendFailed(isBounce ? 'bounced' : 'refused', answer)
}

const REASONS: Record<string, string> = {
  ECONNECTION: 'no connection',
  ESOCKET: 'no connection',
  EDNS: 'its name was not found',
  ETIMEDOUT: 'it did not answer in time',
  ETLS: 'it offers no TLS that can be trusted',
  EAUTH: 'it takes no sign-in',
}

function reasonOf(code: string): string {
  return REASONS[code] ?? (/^E[A-Z]{2,20}$/.test(code) ? code : 'it broke off')
}
