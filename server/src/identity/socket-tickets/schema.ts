import { z } from 'zod'

export const CreateSocketTicket = z
  .strictObject({
    path: z
      .string()
      .max(256)
      .regex(/^(?:\/[\w.-]+)+\/?$/, 'must be the path of a WebSocket, without host and query')
      .meta({ description: 'Of the WebSocket that is to be opened: the ticket opens no other' }),
  })
  .meta({ id: 'CreateSocketTicket' })

export const SocketTicket = z
  .strictObject({
    ticket: z.string().meta({
      description:
        'Counts once: `new WebSocket(url, ["gantry", "gantry.ticket." + ticket])`, or `auth: { ticket }` of Socket.IO',
    }),
    path: z.string(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'SocketTicket' })
export type SocketTicket = z.output<typeof SocketTicket>
