import { defineJob } from '#kernel/jobs.ts'
import { deliver } from './deliver.ts'
import type { Running } from './parts.ts'
import { deliverKind } from './send.ts'

/** More than a transport's deadline. */
const TIMEOUT_SECONDS = 120

export function jobs(running: Running) {
  return [
    defineJob({
      ...deliverKind,
      summary: 'Send one mail',
      timeoutSeconds: TIMEOUT_SECONDS,
      concurrency: 4,
      run: (ctx, input) => deliver(ctx, running(), input),
    }),
  ]
}
