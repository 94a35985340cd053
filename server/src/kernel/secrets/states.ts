import { defineStates } from '../states.ts'

/** Life of a sealing key: known to every process, then sealing, then only opening what is not sealed anew yet. */
export const sealingKeyStates = defineStates({
  // One that was added by mistake, or is not there, has sealed nothing.
  next: ['active', 'retired'],
  active: ['retiring'],
  retiring: ['retired'],
  retired: [],
})

export type SealingKeyState = (typeof sealingKeyStates.names)[number]
