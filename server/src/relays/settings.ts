import type { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { scalingChanged } from './events.ts'
import { problems } from './problems.ts'
import { RedundancySettings, ScalingSettings } from './schema.ts'

const SCHEMAS = { scaling: ScalingSettings, redundancy: RedundancySettings } as const

type What = keyof typeof SCHEMAS
type Settings = { [Name in What]: z.output<(typeof SCHEMAS)[Name]> }
interface Written {
  version: number
  updatedAt: string
  updatedBy: string | null
}

export interface RelaySettings extends Settings {
  version: number
  updatedAt: Date
  updatedBy: string | null
  lastScaleOutAt: Date | null
  lastScaleInAt: Date | null
}

/** Members that were never set, or that an older version has stored otherwise, have their defaults. */
export async function readSettings(ctx: Context): Promise<RelaySettings> {
  const row = await ctx.db.selectFrom('relaySettings').selectAll().executeTakeFirstOrThrow()
  return {
    ...row,
    scaling: ScalingSettings.safeParse(row.scaling).data ?? ScalingSettings.parse({}),
    redundancy: RedundancySettings.safeParse(row.redundancy).data ?? RedundancySettings.parse({}),
  }
}

export async function showSettings<Name extends What>(
  ctx: Context,
  what: Name,
): Promise<Settings[Name] & Written> {
  const { version, updatedAt, updatedBy, ...all } = await readSettings(ctx)
  return { ...all[what], version, updatedAt: updatedAt.toISOString(), updatedBy }
}

/**
 * Changes how relays are scaled, or how many there are to be. Announces `relay.scaling_changed`.
 *
 * @throws problem `relay.settings_changed` when `version` is given and is not the present one
 */
export async function putSettings<Name extends What>(
  ctx: Context,
  what: Name,
  input: Settings[Name] & Partial<Written>,
): Promise<Settings[Name] & Written> {
  const { version: written, updatedAt: _at, updatedBy: _by, ...after } = input
  return ctx.transaction(async (ctx) => {
    const before = await readSettings(ctx)
    const row = await ctx.db
      .updateTable('relaySettings')
      .set((row) => ({
        [what]: JSON.stringify(after),
        version: row('version', '+', 1),
        updatedAt: ctx.clock.now(),
        updatedBy: 'userId' in ctx.actor ? ctx.actor.userId : null,
      }))
      .$if(written !== undefined, (query) => query.where('version', '=', written!))
      .returning('version')
      .executeTakeFirst()
    if (!row) throw problems.settingsChanged({ version: before.version, written })
    const { version } = row
    await ctx.events.emit(scalingChanged, { what, version, before: before[what], after })
    return showSettings(ctx, what)
  })
}
