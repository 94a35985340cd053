import type { AddressGuard } from '#kernel/addresses.ts'
import { DestinationRefused } from '#kernel/addresses.ts'
import { FetchFailed, openGuardedFetch, type Reply } from '#kernel/fetch.ts'
import type { OutgoingMail, Transport } from './transport.ts'
import { SendFailed } from './transport.ts'

export interface SendGridOptions {
  apiKey: string
  /** `https://api.sendgrid.com`, or what answers like it. */
  url: string
  guard: AddressGuard
}

const DEADLINE_MS = 20_000
const MAX_ANSWER_BYTES = 64 * 1024

/** Mails over the HTTP API of SendGrid (version 3). */
export function openSendGrid({ apiKey, url, guard }: SendGridOptions): Transport {
  const guarded = openGuardedFetch({ guard, allowHttp: url.startsWith('http:') })
  return {
    name: 'sendgrid',
    async send(mail, signal) {
      const reply = await post(mail, signal)
      if (reply.status >= 300) throw providerFailure(reply)
      return header(reply, 'x-message-id')
    },
    [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose](),
  }

  async function post(mail: OutgoingMail, signal: AbortSignal): Promise<Reply> {
    try {
      return await guarded.fetch(`${url}/v3/mail/send`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(mail)),
        timeoutMs: DEADLINE_MS,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      })
    } catch (error) {
      if (error instanceof FetchFailed) {
        throw new SendFailed('temporary', `the mail provider could not be used: ${error.message}`)
      }
      if (!(error instanceof DestinationRefused)) throw error
      throw new SendFailed('temporary', 'the address of the mail provider is not a public one')
    }
  }
}

function bodyOf({ messageId, mailId, from, to, subject, text, html }: OutgoingMail) {
  const off = { enable: false }
  return {
    personalizations: [{ to: [{ email: to }], custom_args: { mailId } }],
    from: { email: from.address, name: from.name },
    subject,
    content: [
      { type: 'text/plain', value: text },
      { type: 'text/html', value: html },
    ],
    headers: { 'Message-ID': messageId, 'Auto-Submitted': 'auto-generated' },
    // Links carry tokens: nobody else may see them, nor write them anew.
    tracking_settings: {
      click_tracking: { enable: false, enable_text: false },
      open_tracking: off,
      subscription_tracking: off,
    },
  }
}

function providerFailure(reply: Reply): SendFailed {
  const { status } = reply
  const answer = `the mail provider answered ${status}`
  if (status === 401 || status === 403) {
    return new SendFailed('refused', `${answer}: check SENDGRID_API_KEY and EMAIL_FROM`)
  }
  const mayPass = status >= 500 || status === 408 || status === 429
  return mayPass
    ? new SendFailed('temporary', answer, retryAfterSeconds(reply))
    : new SendFailed('refused', answer)
}

function retryAfterSeconds(reply: Reply): number | undefined {
  const given = header(reply, 'retry-after') ?? ''
  return /^\d{1,6}$/.test(given) ? Number(given) : undefined
}

function header({ headers }: Reply, name: string): string | undefined {
  const value = [headers[name] ?? []].flat()[0]
  return value && /^[\w.@+-]{1,200}$/.test(value) ? value : undefined
}
