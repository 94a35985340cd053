import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'
import { impersonated } from '../impersonation/events.ts'

export const staffChanged = defineEvent(
  'user.roles_changed',
  'A user got other roles over the installation.',
  z.object({ userId: z.string(), roles: z.array(z.string()), before: z.array(z.string()) }),
  { target: 'userId' },
)

export const staffEvents = [staffChanged, impersonated]
