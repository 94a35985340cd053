import type { z } from 'zod'
import type { Client } from './client.ts'
import type { Clock } from './clock.ts'
import type { Keyring } from './crypto.ts'
import type { Db } from './db.ts'
import type { EventKind, Fact } from './events.ts'
import type { Cursors } from './http/cursor.ts'
import type { NewId } from './ids.ts'
import type { JobKind, SendOptions } from './jobs.ts'
import type { Logger } from './log.ts'
import type { Flag, Setting } from './runtime-settings.ts'

/**
 * How an actor comes to act for an account: as one of its members, from an account above it, or by a role over the whole installation.
 */
export type Standing = 'own' | 'subtree' | 'all'

/** Who is acting. Roles are the platform's and the account's, by name. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'system'; readonly name: string }
  | {
      readonly kind: 'user'
      readonly userId: string
      readonly accountId: string
      readonly roles: readonly string[]
      /** To the account; `own` unless given. */
      readonly standing?: Standing
      /** The sign-in that this request belongs to; revoking it ends the actor's access. */
      readonly signInId: string
      /** The user who acts as this one for a while, to help. */
      readonly impersonatedBy?: string
      /** Owes a second factor: nothing is open to it but the routes that settle that. */
      readonly unfinished?: true
    }
  | {
      /** A program with an API key. */
      readonly kind: 'key'
      readonly keyId: string
      /** Who made the key; it acts with their roles, as far as its scopes cover. */
      readonly userId: string
      readonly accountId: string
      readonly roles: readonly string[]
      /** To the account; `own` unless given. */
      readonly standing?: Standing
      readonly scopes: readonly string[]
    }

/** Which user or which key is acting; nothing for the others. */
export function actorId(actor: Actor): string | undefined {
  if (actor.kind === 'user') return actor.userId
  return actor.kind === 'key' ? actor.keyId : undefined
}

/** Whose doing it is: of somebody who acts as another, their own. */
export function whoActs(actor: Actor): string | undefined {
  return actor.kind === 'user' ? (actor.impersonatedBy ?? actor.userId) : actorId(actor)
}

/** Whether a member of the staff acts as somebody else. */
export function actsAsAnother(actor: Actor): boolean {
  return actor.kind === 'user' && actor.impersonatedBy !== undefined
}

/** Where an event or a job comes from. */
export interface Origin {
  actor: Actor
  accountId?: string
  correlationId: string
  /** Where the request came from, if one did. */
  client?: Client
}

/** Everything that a service may use, for one request, job, reader or socket. */
export interface Context {
  readonly db: Db
  readonly clock: Clock
  readonly log: Logger
  readonly actor: Actor
  /** The account whose rows this context may see. @throws Error when nobody is signed in. */
  readonly accountId: string
  /** Follows one request through logs, events and jobs. */
  readonly correlationId: string
  /** Aborted when the caller has gone, the deadline has passed or the process is stopping. */
  readonly signal: AbortSignal
  readonly newId: NewId
  readonly cursors: Cursors
  /** Seals what this installation alone may read again. */
  readonly keyring: Keyring
  /** Where clients reach the product, without a slash at its end; never taken from a request. */
  readonly publicUrl: string
  /** What an admin has set; at most 5 s old. */
  readonly settings: {
    get<Value extends z.ZodType>(setting: Setting<Value>): z.output<Value>
    isOn(flag: Flag): boolean
  }
  readonly events: {
    /** Writes the fact in the current transaction. @throws Error outside of one. */
    emit<Data extends z.ZodType>(kind: EventKind<Data>, data: z.input<Data>): Promise<void>
    /** As `emit`, for facts that come to be at once: in their order, in one statement. */
    emitAll(facts: readonly Fact[]): Promise<void>
  }
  readonly jobs: {
    /** Queues the job in the current transaction, if there is one. Returns its id, or null when a job of its unique key has not ended. */
    send<Input extends z.ZodType>(
      job: Pick<JobKind<Input>, 'name' | 'input'>,
      input: z.input<Input>,
      options?: SendOptions,
    ): Promise<string | null>
  }
  /**
   * Runs `work` in one transaction; a context that is in one already runs it there. Serialization failures and deadlocks are tried
   * again, 3 times at most, so `work` may run more than once and must touch nothing but the database.
   */
  transaction<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result>
  /** Runs `effect` once the current transaction has committed; at once outside of one. */
  afterCommit(effect: () => void): void
  /** The same context acting for one account, or with another actor or signal. */
  with(change: Partial<Pick<Context, 'accountId' | 'actor' | 'signal' | 'correlationId'>>): Context
  actingFor(accountId: string): Context
  /** Binds the request's idempotency key to the thing that the transaction makes; nothing when the request has no key. */
  remember(resourceId: string): Promise<void>
}
