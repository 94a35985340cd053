import { z } from 'zod'
import { actorId, type Context } from '#kernel/context.ts'
import { searchEvents } from '#kernel/events.ts'
import { cutPage, type PageQuery } from '#kernel/http/cursor.ts'
import type { TunnelParts } from './parts.ts'
import { findReadable } from './read.ts'

export const HistoryEntry = z
  .strictObject({
    id: z.string().meta({ description: '`evt_…`' }),
    at: z.iso.datetime(),
    event: z.string().meta({ description: '`tunnel.connected` and so on' }),
    by: z.string().optional().meta({ description: 'A user or a key; absent for the product' }),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TunnelHistoryEntry' })
export type HistoryEntry = z.output<typeof HistoryEntry>

/** What happened to a tunnel, the newest first. @throws problem `tunnel.not_found` */
export async function showHistory(
  ctx: Context,
  parts: TunnelParts,
  tunnelId: string,
  { limit, cursor }: PageQuery,
): Promise<{ items: HistoryEntry[]; nextCursor: string | null }> {
  const { row } = await findReadable(ctx, parts, tunnelId)
  const list = `tunnels.history ${tunnelId}`
  const before = ctx.cursors.read(list, cursor)
  const found = await searchEvents(
    ctx.db,
    { target: tunnelId, accountId: row.accountId, kind: 'tunnel.*' },
    { limit: limit + 1, before },
  )
  const { rows, nextCursor } = cutPage(found, limit, ({ place }) => ctx.cursors.write(list, place))
  const items = rows.map(({ eventId, kind, actor, data, occurredAt }) => {
    const by = actorId(actor)
    return {
      ...{ id: eventId, at: occurredAt.toISOString(), event: kind },
      ...(by !== undefined && { by }),
      data: data as Record<string, unknown>,
    }
  })
  return { items, nextCursor }
}
