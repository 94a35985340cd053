import { randomInt } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { configOf } from './config.ts'
import { factsOf } from './present.ts'
import { relaysThere } from './relays.ts'
import { readSettings } from './settings.ts'

/**
 * Relays that an agent may dial now, as many as it is to have links to: those with the fewest links first, of one load in an order of
 * chance, so that agents that come together do not all go to one.
 */
export async function relaysForAgents(ctx: Context): Promise<{ id: string; url: string }[]> {
  const { redundancy } = await readSettings(ctx)
  const rows = await relaysThere(ctx)
  const free = rows.flatMap((row) => {
    const { links = 0 } = factsOf(row) ?? {}
    const { maxLinks } = configOf(row)
    const takes = row.status === 'running' && !row.drainReason && row.url && links < maxLinks
    return takes
      ? [{ id: row.id, url: row.url!, load: links / maxLinks, chance: randomInt(1_000_000) }]
      : []
  })
  return free
    .toSorted((a, b) => a.load - b.load || a.chance - b.chance)
    .slice(0, redundancy.relaysPerAgent)
    .map(({ id, url }) => ({ id, url }))
}
