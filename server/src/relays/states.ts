import { defineStates } from '#kernel/states.ts'

/** Life of a relay. `error`: it is silent, or did not come; one that beats again is as it was. A stopped one may be started again. */
export const states = defineStates({
  starting: ['running', 'draining', 'stopped', 'error'],
  running: ['draining', 'stopped', 'error'],
  draining: ['running', 'stopped', 'error'],
  stopped: ['starting', 'running', 'draining'],
  error: ['starting', 'running', 'draining', 'stopped'],
})

export type RelayState = (typeof states.names)[number]

/**
 * Why a relay takes no new links: an operator asked, it is to end, there are more than are needed, or its process goes by itself and may
 * come again.
 */
export const DRAIN_REASONS = ['asked', 'stopping', 'surplus', 'leaving'] as const
export type DrainReason = (typeof DRAIN_REASONS)[number]

export const PROVIDERS = ['builtin', 'local', 'ec2', 'kubernetes', 'joined'] as const
export type RelayProvider = (typeof PROVIDERS)[number]

/** Those that start machines for relays. */
export const STARTERS = ['local', 'ec2', 'kubernetes'] as const satisfies RelayProvider[]

/** Whether we have started it. */
export function isOurs(provider: RelayProvider): boolean {
  return provider !== 'builtin' && provider !== 'joined'
}
