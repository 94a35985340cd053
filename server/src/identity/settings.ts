import { z } from 'zod'

/** No control characters and line separators; spelled out, since not every reader of the API document knows `\p`. */
// oxlint-disable-next-line no-control-regex
const NO_CONTROL = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/u
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/
const INSTANCE_TYPE = /^[a-z0-9-]+\.[a-z0-9-]+$/

const Notifications = z.strictObject({
  email: z.boolean().meta({ description: 'By mail' }),
  inApp: z.boolean().meta({ description: 'In the console' }),
})

const DefaultViewport = z.strictObject({
  width: z.int().min(200).max(7680),
  height: z.int().min(200).max(4320),
})

const BrowserPreferences = z
  .strictObject({
    defaultUserAgent: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII')
      .optional(),
    defaultViewport: DefaultViewport.optional().meta({ description: 'In CSS pixels' }),
    defaultTimeout: z
      .int()
      .min(1)
      .max(120_000)
      .optional()
      .meta({ description: 'Of a command, in milliseconds' }),
  })
  .meta({ description: 'For sessions that ask for nothing else' })

const Ec2Preferences = z.strictObject({
  preferredRegion: z.string().max(32).regex(REGION, 'must be a region like eu-west-1').optional(),
  instanceType: z
    .string()
    .max(32)
    .regex(INSTANCE_TYPE, 'must be an instance type like c7i.large')
    .optional(),
  terminateWhenIdle: z.boolean().optional(),
  idleTimeoutMinutes: z.int().min(1).max(1440).optional(),
})

export const UserSettings = z
  .strictObject({
    theme: z.enum(['light', 'dark', 'system']),
    language: z
      .string()
      .max(35)
      .regex(LANGUAGE, 'must be a language tag like de or pt-BR')
      .meta({ description: 'Of the console, as a BCP 47 tag' }),
    notifications: Notifications,
    browserPreferences: BrowserPreferences,
    ec2Preferences: Ec2Preferences.optional(),
  })
  .meta({ id: 'UserSettings' })
export type UserSettings = z.output<typeof UserSettings>

/** What to change: a member that is left out stays as it is, one that is given is replaced as a whole. */
export const UserSettingsChange = UserSettings.partial().meta({ id: 'UserSettingsChange' })
export type UserSettingsChange = z.output<typeof UserSettingsChange>

const DEFAULT_SETTINGS: UserSettings = {
  theme: 'system',
  language: 'en',
  notifications: { email: true, inApp: true },
  browserPreferences: {},
}

/** The settings that hold for a person who has set only some of them. */
export function settingsOf({ settings }: { settings: Partial<UserSettings> }): UserSettings {
  return { ...DEFAULT_SETTINGS, ...settings }
}

/** A person's name: trimmed, at most 100 characters, without control characters. */
export const PersonName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(NO_CONTROL, 'must not hold control characters')
