import type { Actor } from '#kernel/context.ts'
import type { RequestFacts } from '#kernel/http/route.ts'
import type { Sender, Transport } from './transport.ts'

/** What mail of a running process works with. */
export interface NotificationsParts {
  /** None where the configuration names none. */
  readonly transport?: Transport | undefined
  readonly from: Sender
  readonly mailbox: MailboxRule
  /** Who calls; anonymous without a credential. @throws Problem for one that does not count */
  authenticate(request: RequestFacts): Promise<Actor>
  /** Whether the actor holds a permission. */
  allows(actor: Actor, permission: string): boolean
}

/**
 * What becomes of the development mailbox: there is none; admins may read it; or whoever is on this machine may, since nobody else
 * can reach the server.
 */
export type MailboxRule = 'closed' | 'admins' | 'machine'

/** Called by requests and jobs only, never for the manifest. */
export type Running = () => NotificationsParts
