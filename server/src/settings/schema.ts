import { z } from 'zod'

const common = {
  name: z.string(),
  what: z.string().meta({ description: 'One sentence' }),
  updatedAt: z.iso.datetime().optional().meta({ description: 'Absent while nobody has set it' }),
}

export const RuntimeSetting = z
  .strictObject({ ...common, value: z.unknown(), default: z.unknown() })
  .meta({ id: 'RuntimeSetting' })

export const FeatureFlag = z
  .strictObject({ ...common, value: z.boolean(), default: z.boolean() })
  .meta({ id: 'FeatureFlag' })

/** Each takes what its schema says, so the values are checked by name. */
export const SettingValues = z
  .record(z.string(), z.unknown())
  .meta({ id: 'SettingValues', description: 'New values by name; what is not named stays' })

export const FlagValues = z
  .record(z.string(), z.boolean())
  .meta({ id: 'FlagValues', description: 'On or off by name; what is not named stays' })

const change = {
  id: z.string().meta({ description: '`chg_…`' }),
  name: z.string(),
  changedBy: z.string().meta({ description: 'A user’s id, or `system`' }),
  at: z.iso.datetime(),
}

export const SettingChange = z
  .strictObject({
    ...change,
    before: z.unknown().meta({ description: 'Null where the default held' }),
    after: z.unknown(),
  })
  .meta({ id: 'SettingChange' })

export const FlagChange = z
  .strictObject({
    ...change,
    before: z.boolean().nullable().meta({ description: 'Null where the default held' }),
    after: z.boolean(),
  })
  .meta({ id: 'FlagChange' })
