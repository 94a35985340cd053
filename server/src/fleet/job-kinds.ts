import { z } from 'zod'
import type { JobKind } from '#kernel/jobs.ts'

/** What a job is about. */
export const Of = z.strictObject({ id: z.string() })

/** The jobs as those see them who queue them. */
export interface FleetJobs {
  readonly launch: JobKind<typeof Of>
  readonly terminate: JobKind<typeof Of>
  readonly restart: JobKind<typeof Of>
  readonly endSessions: JobKind<typeof Of>
  readonly purge: JobKind
}
