import { defineProblems } from '#kernel/problem.ts'

export const socketTicketProblems = defineProblems({
  invalid: {
    code: 'auth.ticket_invalid',
    status: 401,
    title: 'That ticket opens nothing',
    detail: 'There is no such ticket, or it was used before.',
    suggestion:
      'A ticket opens one WebSocket, at the path that it was made for, within 30 seconds. `POST /v1/auth/ws-ticket` makes another.',
  },
  noSuchSocket: {
    code: 'auth.no_such_socket',
    status: 400,
    title: 'No ticket leads there',
    detail: 'There is no WebSocket at this path that takes tickets.',
    suggestion:
      'Give `/cdp`, `/socket.io` or `/api/v1/sessions/{id}/live`. The `cdpUrl` and `liveUrl` of a session need no ticket: they are credentials themselves.',
  },
  tooMany: {
    code: 'auth.too_many_tickets',
    status: 429,
    title: 'Too many tickets are open',
    detail: 'There are {limit} tickets of yours that were not used and still count.',
    suggestion: 'Make a ticket just before it is used. Those that are open end within 30 seconds.',
  },
})
