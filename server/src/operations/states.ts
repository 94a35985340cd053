import { defineStates } from '#kernel/states.ts'

/** Life of an operation. A process that is killed leaves it running; the next try of its job goes on. */
export const states = defineStates({
  queued: ['running', 'failed', 'cancelled'],
  running: ['succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
})

export type OperationStatus = (typeof states.names)[number]
