import { defineStates } from '#kernel/states.ts'

/** Life of a machine. One in `error` may yet be found at the provider: then it is as good as one that was just launched. */
export const states = defineStates({
  provisioning: ['running', 'stopping', 'terminated', 'error'],
  running: ['stopping', 'terminated', 'error'],
  stopping: ['terminated'],
  error: ['provisioning', 'running', 'stopping', 'terminated'],
  terminated: [],
})

export type InstanceState = (typeof states.names)[number]

/**
 * Why a node takes no new sessions: an operator asked, it has been idle, its spot machine is taken back, the pool has shrunk, it drains
 * by itself, an operator has its machine ended or restarted once it is empty, or the machine is being restarted now.
 */
export const DRAIN_REASONS = [
  ...(['asked', 'idle', 'spot', 'surplus', 'leaving'] as const),
  ...(['ending', 'restarting', 'rebooting'] as const),
] as const
export type DrainReason = (typeof DRAIN_REASONS)[number]
