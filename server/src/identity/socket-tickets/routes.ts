import { type RequestFacts, route } from '#kernel/http/route.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'
import type { TicketedSocket } from '#kernel/sockets.ts'
import { clientOf } from '../client.ts'
import { accessCookie } from '../cookies.ts'
import { problems } from '../problems.ts'
import { issueTicket } from './issue.ts'
import { socketTicketProblems } from './problems.ts'
import { CreateSocketTicket, SocketTicket } from './schema.ts'

const path = '/api/v1/sessions/ses_06f3k9w2m4qz7x8y1v5t0r6n3b/live'

/** How a web page comes to open a WebSocket. */
export function socketTicketRoutes(sockets: () => readonly TicketedSocket[]) {
  const { noSuchSocket, tooMany } = socketTicketProblems
  return [
    route({
      method: 'POST',
      path: '/v1/auth/ws-ticket',
      summary: 'Get a ticket that opens one WebSocket',
      description:
        'For web pages, which can send no header when they open a WebSocket. It counts once, for 30 seconds, at this path, and stands for ' +
        'the access token or API key of this request: the socket acts for the same account, and ends with them. Give it as a subprotocol, ' +
        '`gantry.ticket.{ticket}`, best beside another name, which the answer then has; in Socket.IO as `auth: { ticket }`.',
      access: {
        signedIn: 'a ticket grants what its maker may do, and no more',
        keys: true,
        impersonators: true,
      },
      body: CreateSocketTicket,
      returns: SocketTicket,
      status: 201,
      problems: [noSuchSocket, tooMany, problems.httpsRequired],
      examples: {
        body: { path },
        reply: {
          ...{ ticket: `gty_wt1_${'5f'.repeat(32)}`, path },
          expiresAt: '2026-11-20T12:00:30.000Z',
        },
      },
      handler: (ctx, { body, request }) => {
        clientOf(request)
        return issueTicket(ctx, sockets(), { path: body.path, shown: shownIn(request) })
      },
    }),
  ]
}

/** A page of this server has its access token in a cookie. */
function shownIn(request: RequestFacts): ShownCredential {
  const { authorization, 'gantry-account': account } = request.headers
  return { authorization: authorization ?? `Bearer ${accessCookie(request)}`, account }
}
