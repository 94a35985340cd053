import { defineStates } from '#kernel/states.ts'

/**
 * Life of a tunnel. `connecting`: an agent has come and has no link yet, also one that takes the place of another. `error`: no
 * relay that it is linked to can open its port.
 */
export const states = defineStates({
  created: ['connecting', 'disconnected', 'error'],
  connecting: ['connected', 'disconnected', 'error'],
  connected: ['connecting', 'disconnected', 'error'],
  disconnected: ['connecting', 'connected', 'error'],
  error: ['connecting', 'connected', 'disconnected'],
})

export type TunnelState = (typeof states.names)[number]
