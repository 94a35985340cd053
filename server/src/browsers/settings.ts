import { z } from 'zod'
import { defineFlag, defineSetting } from '#kernel/runtime-settings.ts'

export const sessionsPerAccount = defineSetting({
  name: 'browsers.sessions_per_account',
  what: 'Browser sessions that one account may have open at once',
  value: z.int().min(1).max(10_000),
  default: 100,
})

export const queueLength = defineSetting({
  name: 'browsers.queue_length',
  what: 'Browser sessions that may wait for a place at once, over all accounts',
  value: z.int().min(0).max(10_000),
  default: 200,
})

export const queuePerAccount = defineSetting({
  name: 'browsers.queue_per_account',
  what: 'Browser sessions of one account that may wait for a place at once',
  value: z.int().min(0).max(10_000),
  default: 50,
})

export const recordingDays = defineSetting({
  name: 'browsers.recording_days',
  what: 'Days that the recording of an ended session is kept',
  value: z.int().min(1).max(3650),
  default: 30,
})

export const newSessions = defineFlag({
  name: 'browsers.new_sessions',
  what: 'New browser sessions may be started; off before maintenance, while the open ones go on',
  default: true,
})
