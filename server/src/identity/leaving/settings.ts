import { z } from 'zod'
import { defineSetting } from '#kernel/runtime-settings.ts'

export const restoreDays = defineSetting({
  name: 'identity.restore_days',
  what: 'Days during which a user who is to be deleted can be restored; for deletions that are asked for from then on',
  value: z.int().min(1).max(365),
  default: 30,
})
