import type { Client } from './client.ts'
import type { Actor } from './context.ts'

/** Somebody who is signed in wanted what they may not have. */
export interface Refusal {
  readonly actor: Exclude<Actor, { kind: 'anonymous' }>
  readonly client: Client
  readonly correlationId: string
  /** Method and pattern of the route: `PUT /api/v1/admin/settings`. */
  readonly wanted: string
  /** Of the problem that answered. */
  readonly code: string
}
