import type { Selectable } from 'kysely'

/** One row per ticket that was not used. Made by `migrations/0029_socket_tickets.sql`. */
export interface SocketTicketTable {
  digest: Buffer
  userId: string
  path: string
  sealedCredential: Buffer
  expiresAt: Date
}

export type SocketTicketRow = Selectable<SocketTicketTable>
