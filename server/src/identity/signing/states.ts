import { defineStates } from '#kernel/states.ts'

/** Life of a key that signs tokens. All but the gone ones are published, and verify. */
export const signingKeyStates = defineStates({
  next: ['active', 'gone'],
  active: ['retiring', 'gone'],
  retiring: ['gone'],
  gone: [],
})

export type SigningKeyState = (typeof signingKeyStates.names)[number]
