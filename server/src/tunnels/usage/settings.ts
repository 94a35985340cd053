import { z } from 'zod'
import { defineSetting } from '#kernel/runtime-settings.ts'

const GIB = 2 ** 30
const bytes = z.int().min(0).nullable()

export const bytesPerMonth = defineSetting({
  name: 'tunnels.bytes_per_month',
  what: 'Bytes that the tunnels of one account may carry in a calendar month, both ways together, by its tier; null for no limit',
  value: z.strictObject({ free: bytes, premium: bytes, enterprise: bytes }),
  default: { free: 100 * GIB, premium: 2_000 * GIB, enterprise: null },
})

export const minuteHours = defineSetting({
  name: 'tunnels.usage_minute_hours',
  what: 'Hours that the figures of each minute are kept; then they become those of an hour',
  value: z
    .int()
    .min(1)
    .max(24 * 14),
  default: 48,
})

export const hourDays = defineSetting({
  name: 'tunnels.usage_hour_days',
  what: 'Days that the figures of each hour are kept; then they become those of a day',
  value: z.int().min(1).max(366),
  default: 60,
})

export const usageDays = defineSetting({
  name: 'tunnels.usage_days',
  what: 'Days that the figures of each day are kept, and journals of relays that report no more',
  value: z.int().min(31).max(3_660),
  default: 400,
})

export const periodMonths = defineSetting({
  name: 'tunnels.usage_months',
  what: 'Months that the totals of each month are kept, which bills are made from',
  value: z.int().min(3).max(240),
  default: 36,
})

export const usageSettings = [bytesPerMonth, minuteHours, hourDays, usageDays, periodMonths]
