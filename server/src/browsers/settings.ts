import { z } from 'zod'
import { defineFlag, defineSetting } from '#kernel/runtime-settings.ts'

export const sessionsPerAccount = defineSetting({
  name: 'browsers.sessions_per_account',
  what: 'Browser sessions that one account may have open at once',
  value: z.int().min(1).max(10_000),
  default: 100,
})

export const newSessions = defineFlag({
  name: 'browsers.new_sessions',
  what: 'New browser sessions may be started; off before maintenance, while the open ones go on',
  default: true,
})
