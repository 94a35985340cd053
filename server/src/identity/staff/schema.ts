import { z } from 'zod'
import { PLATFORM_RANKS } from '#access/index.ts'
import { UserId } from '../accounts/schema.ts'

const roles = z
  .array(z.enum(PLATFORM_RANKS))
  .max(PLATFORM_RANKS.length)
  .meta({ description: 'Over the installation: `GET /v1/roles`' })

export const StaffChange = z.strictObject({ roles }).meta({ id: 'StaffChange' })
export type StaffChange = z.output<typeof StaffChange>

export const Staff = z.strictObject({ userId: UserId, roles }).meta({ id: 'Staff' })

export const userParams = z.strictObject({ id: UserId })

export const Impersonate = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(5)
      .max(500)
      .meta({ description: 'Why: it is kept with the event', examples: ['Ticket 4711'] }),
  })
  .meta({ id: 'Impersonate' })
