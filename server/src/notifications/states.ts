import { defineStates } from '#kernel/states.ts'

/** Life of a mail. One that was taken by the next server may still bounce. */
export const states = defineStates({
  queued: ['sending', 'failed', 'bounced'],
  sending: ['queued', 'sending', 'sent', 'failed', 'bounced'],
  sent: ['bounced'],
  failed: [],
  bounced: [],
})

export type MailState = (typeof states.names)[number]
