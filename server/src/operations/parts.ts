import type { Context } from '#kernel/context.ts'
import type { JobQueue } from '#kernel/jobs.ts'
import type { RuntimeSettings } from '#kernel/runtime-settings.ts'
import type { ProblemCounts } from './problem-counts.ts'

/** Tells how far the work has come; `total` is null while nobody knows. Throws once the operation was cancelled: let it pass. */
export type Progress = (done: number, total: number | null, note?: string) => Promise<void>

/** What an operator can do about something that has gone wrong. */
export interface RecoveryAction {
  /** `verb-noun`, as it stands in the path. */
  readonly name: string
  /** One sentence for people. */
  readonly what: string
  /** May run twice, and ends soon after `ctx.signal` is aborted. Returns what is shown as the result. */
  run(ctx: Context, progress: Progress): Promise<Record<string, unknown>>
}

/** What the operations of a running process work with. */
export interface OperationsParts {
  jobs: Pick<JobQueue, 'list' | 'get' | 'retry' | 'counts'>
  settings: Pick<RuntimeSettings, 'refresh'>
  problemCounts: Pick<ProblemCounts, 'flush'>
  /** Actions of other capabilities, beside our own. */
  recoveryActions: readonly RecoveryAction[]
  /** Aborted once the process has been asked to stop: streams then end. */
  stopping: AbortSignal
}
