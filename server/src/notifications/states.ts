import { defineStates } from '#kernel/states.ts'

/** Life of a mail. A try that was broken off begins once more. */
export const states = defineStates({
  queued: ['sending'],
  sending: ['queued', 'sending', 'sent', 'failed', 'bounced'],
  sent: [],
  failed: [],
  bounced: [],
})

export type MailState = (typeof states.names)[number]
