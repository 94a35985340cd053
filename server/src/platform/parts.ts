import type { Capability } from '#kernel/capability.ts'
import type { ReaderState } from '#kernel/events.ts'
import type { JobQueue } from '#kernel/jobs.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import type { Telemetry } from '#kernel/telemetry.ts'

/** What the platform's routes and checks look at in a running process. */
export interface PlatformParts {
  version: string
  roles: readonly string[]
  /** `NODE_ENV`, shown in health. */
  environment: string
  startedAt: Date
  /** All of them, this one included: for their checks and problems. */
  capabilities: readonly Capability[]
  /** The OpenAPI document of the process's routes. */
  document(): object
  telemetry: Pick<Telemetry, 'registry'>
  metrics: {
    /** Addresses and CIDR ranges that may read the metrics, beside loopback. */
    allow: readonly string[]
    token?: string
  }
  store: Pick<ObjectStore, 'check'>
  jobs: Pick<JobQueue, 'counts' | 'oldestDueSeconds'>
  readerStates(): Promise<ReaderState[]>
  /** Aborted once the process has been asked to stop, before it takes no more connections. */
  stopping: AbortSignal
}
