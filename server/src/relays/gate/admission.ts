import type { OwnAnswer } from './answers.ts'
import type { Pass } from './passes.ts'

/** Whether a visitor may come, and by what; or what to answer. */
export type Admission = Admitted | Refused

export interface Admitted {
  readonly let: true
  /** What the policy goes by, or a grant. */
  readonly by: 'public' | 'addresses' | Pass['by']
  /** Of a grant: what it let in is cut when it is taken back. */
  readonly grantId?: string
  /** The user, when the visitor has signed in. */
  readonly person?: string
  /** When it ends by time, in ms since 1970. */
  readonly untilMs?: number
  /** `Authorization` was for the tunnel and is not the service's business. */
  readonly withoutAuthorization?: true
  /** For `stillAdmits`. */
  readonly proof: { readonly ip: string; readonly pass?: Pass; readonly credentials?: string }
}

export interface Refused {
  readonly let: false
  readonly answer: OwnAnswer
  /** Of the problem; undefined for a page or a way to one. */
  readonly code?: string
}
