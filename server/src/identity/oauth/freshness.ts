import type { ProvenVisit } from './visits.ts'

/** Of the provider's clock against ours. */
const SKEW_SECONDS = 30

/** Whether the person proved to the provider who they are on this very visit, rather than some time before. */
export function isFresh({ proof: { authenticatedAt }, begunAt }: ProvenVisit): boolean {
  const begunSeconds = begunAt.getTime() / 1000
  return authenticatedAt !== undefined && authenticatedAt >= begunSeconds - SKEW_SECONDS
}
