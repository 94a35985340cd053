import type { Client } from './client.ts'
import type { Actor } from './context.ts'

/** Somebody wanted what they may not have. */
export interface Refusal {
  /** Anonymous where they were refused for where they come from. */
  readonly actor: Actor
  readonly client: Client
  readonly correlationId: string
  /** Method and pattern of the route: `PUT /api/v1/admin/settings`. */
  readonly wanted: string
  /** Of the problem that answered. */
  readonly code: string
}

/** Somebody wanted what is not there. */
export interface Miss extends Refusal {
  /** What they asked for, of a request that says it in its URL alone. */
  readonly asked?: string
}
