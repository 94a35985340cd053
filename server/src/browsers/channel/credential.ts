import { allows } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'
import type { TicketedSocket } from '#kernel/sockets.ts'

/** Whoever may use the channel: somebody of an account. */
export type Person = Extract<Actor, { accountId: string }>

export type Authenticate = (authorization: string, ip: string, account?: unknown) => Promise<Actor>

/** What a ticket for the channel stands for. @throws Problem when it does not count */
export type Redeem = (ticket: string, ip: string) => Promise<ShownCredential>

export interface Credential extends ShownCredential {
  ip: string
}

/** What a client may give in a message. */
export type Given = { token: string } | { ticket: string }

/** Where the channel is, and what whoever opens it needs. */
export const channelSocket: TicketedSocket = {
  path: '/socket.io',
  needs: ['sessions.read', 'sessions.write'],
}

/** A ticket stands for the account that it was made in, a token for the one's own unless the connection came with another. */
export async function credentialOf(
  redeem: Redeem,
  given: Given,
  { ip, account }: Omit<Credential, 'authorization'>,
): Promise<Credential> {
  if ('ticket' in given) return { ...(await redeem(given.ticket, ip)), ip }
  return { authorization: `Bearer ${given.token}`, account, ip }
}

/** @throws problem `auth.unauthenticated`, `auth.forbidden`, or why the credential does not count */
export async function authenticate(ask: Authenticate, credential: Credential): Promise<Person> {
  const actor = await ask(credential.authorization, credential.ip, credential.account)
  if (!('accountId' in actor)) throw httpProblems.unauthenticated()
  if (!allows(actor, 'sessions.write')) demand(actor, 'sessions.read')
  return actor
}

/** @throws problem `auth.forbidden` */
export function demand(actor: Actor, permission: string): void {
  if (!allows(actor, permission)) throw httpProblems.forbidden({ permission })
}

export function isSamePerson(one: Person, other: Person): boolean {
  return one.accountId === other.accountId && one.userId === other.userId
}
