import type { RequestFacts } from '#kernel/http/route.ts'
import type { NotificationsParts } from './parts.ts'
import { problems } from './problems.ts'

const LOOPBACK_HOST = /^(localhost|[\w-]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/
const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/
/** What a proxy adds: behind one, strangers seem to be on this machine. */
const PROXIES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/**
 * Lets in whoever may read the development mailbox, which holds links that open other people's users.
 *
 * @throws problem `mail.no_mailbox` for everybody else, whatever the reason
 */
export async function enterMailbox(parts: NotificationsParts, request: RequestFacts) {
  if (parts.mailbox === 'machine' && isFromThisMachine(request)) return
  if (parts.mailbox !== 'closed' && (await isAdmin(parts, request))) return
  throw problems.noMailbox()
}

/** A page of another site is not, also where its name was made to lead here. */
function isFromThisMachine({ ip, headers }: RequestFacts): boolean {
  const site = headers['sec-fetch-site'] ?? 'none'
  return (
    LOOPBACK_ADDRESS.test(ip) &&
    LOOPBACK_HOST.test(headers.host ?? '') &&
    ['none', 'same-origin'].includes(site) &&
    !PROXIES.some((name) => headers[name])
  )
}

async function isAdmin(parts: NotificationsParts, request: RequestFacts): Promise<boolean> {
  const actor = await parts.authenticate(request)
  return actor.kind === 'user' && parts.allows(actor, 'mails.preview')
}
