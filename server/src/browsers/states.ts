import { defineStates } from '#kernel/states.ts'

/** Life of a rented browser. `closed` was asked for or ran out of time; `error` went wrong. */
export const states = defineStates({
  queued: ['starting', 'closed', 'error'],
  // Back to the queue when the machine had no place after all.
  starting: ['active', 'queued', 'closed', 'error'],
  active: ['closed', 'error'],
  closed: [],
  error: [],
})

export type SessionState = (typeof states.names)[number]

/** Why a session ended, and in which state that leaves it. */
export const END_REASONS = {
  asked: 'closed',
  idle: 'closed',
  timeout: 'closed',
  disconnected: 'closed',
  server_stopped: 'closed',
  user_deleted: 'closed',
  account_deleted: 'closed',
  user_disabled: 'closed',
  queue_timeout: 'error',
  launch_failed: 'error',
  crashed: 'error',
  memory: 'error',
  disk: 'error',
  lost: 'error',
} as const satisfies Record<string, SessionState>

export type EndReason = keyof typeof END_REASONS
