import type { Context } from '#kernel/context.ts'
import { configured } from './events.ts'
import type { RelaysParts } from './parts.ts'
import { getRelay, lockRelay, namesOf } from './relays.ts'
import { RelayConfig } from './schema.ts'
import type { RelayRow } from './tables.ts'

const DEFAULTS = RelayConfig.parse({})

/** What an operator has set for a relay; members that were never set have their defaults. */
export function configOf({ config }: Pick<RelayRow, 'config'>): RelayConfig {
  const stored = RelayConfig.safeParse(config)
  return stored.success ? stored.data : DEFAULTS
}

/** @throws problem `relay.not_found` */
export async function showConfig(ctx: Context, id: string): Promise<RelayConfig> {
  return configOf(await getRelay(ctx, id))
}

/** The relay has it within a second, and keeps what it has open. Announces `relay.configured`. @throws problem `relay.not_found` */
export async function putConfig(
  ctx: Context,
  { doorbell }: Pick<RelaysParts, 'doorbell'>,
  id: string,
  config: RelayConfig,
): Promise<RelayConfig> {
  return ctx.transaction(async (ctx) => {
    const row = await lockRelay(ctx, id)
    const before = configOf(row)
    await ctx.db
      .updateTable('relays')
      .set({ config: JSON.stringify(config) })
      .where('id', '=', id)
      .execute()
    await ctx.events.emit(configured, { ...namesOf(row), before, after: config })
    ctx.afterCommit(() => doorbell.ring('tunnels'))
    return config
  })
}
