import type { Context } from '#kernel/context.ts'
import { cutPage, olderThan, timeText } from '#kernel/http/cursor.ts'
import type { TunnelParts } from '../parts.ts'
import { urlOfTunnel } from '../present.ts'
import { domainsOf } from '../read.ts'
import { nameIn } from '../specs.ts'
import { linksOf } from '../status.ts'
import { presentSuspension } from '../suspension-schema.ts'
import type { TunnelRow } from '../tables.ts'
import type { OverseenQuery, OverseenTunnel } from './schema.ts'

/** Those of all accounts, the newest first. */
export async function listOverseen(ctx: Context, parts: TunnelParts, query: OverseenQuery) {
  const { limit, cursor, ...filters } = query
  const list = `tunnels.overseen ${JSON.stringify(filters)}`
  const place = ctx.cursors.read(list, cursor)
  const found = await filtered(ctx, parts, filters)
    .select(timeText('tunnels.createdAt').as('createdText'))
    .$if(place !== undefined, (rows) =>
      rows.where(olderThan('tunnels.createdAt', 'tunnels.id', place!)),
    )
    .orderBy('tunnels.createdAt', 'desc')
    .orderBy('tunnels.id', 'desc')
    .limit(limit + 1)
    .execute()
  const { rows, nextCursor } = cutPage(found, limit, ({ createdText, id }) =>
    ctx.cursors.write(list, { time: createdText, id }),
  )
  return { items: await presentAll(ctx, parts, rows), nextCursor }
}

/** One that is there. */
export async function overseen(
  ctx: Context,
  parts: TunnelParts,
  id: string,
): Promise<OverseenTunnel> {
  const row = await ctx.db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const [tunnel] = await presentAll(ctx, parts, [row])
  return tunnel!
}

type Filters = Omit<OverseenQuery, 'limit' | 'cursor'>

function filtered({ db }: Context, { domain }: TunnelParts, filters: Filters) {
  const { hostname, accountId, status, suspended } = filters
  const below = hostname === undefined ? undefined : nameIn(hostname, domain)
  const isOwnDomain = hostname !== undefined && below === undefined
  const names = [filters.name, below].filter((name) => name !== undefined)
  return db
    .selectFrom('tunnels')
    .selectAll('tunnels')
    .where('deletedAt', 'is', null)
    .$if(names.length > 0, (rows) =>
      rows.where((row) => row.and(names.map((name) => row('name', '=', name)))),
    )
    .$if(isOwnDomain, (rows) =>
      rows.where('tunnels.id', 'in', (domains) =>
        domains
          .selectFrom('tunnelDomains')
          .select('tunnelId')
          .where('hostname', '=', hostname!)
          .where('verifiedAt', 'is not', null),
      ),
    )
    .$if(accountId !== undefined, (rows) => rows.where('accountId', '=', accountId!))
    .$if(status !== undefined, (rows) => rows.where('status', '=', status!))
    .$if(suspended !== undefined, (rows) =>
      rows.where('suspendedAt', suspended === 'true' ? 'is not' : 'is', null),
    )
}

async function presentAll(
  ctx: Context,
  parts: TunnelParts,
  rows: readonly TunnelRow[],
): Promise<OverseenTunnel[]> {
  const ids = rows.map(({ id }) => id)
  const [domains, links] = [await domainsOf(ctx, ids), await linksOf(ctx, ids)]
  return rows.map((row) => {
    const { id, accountId, createdByUserId, name, kind, status, started } = row
    const suspension = presentSuspension(row)
    return {
      ...{ id, accountId, name, kind, status, started, url: urlOfTunnel(parts, row) },
      ...(createdByUserId !== null && { createdByUserId }),
      domains: domains.get(id) ?? [],
      statusSince: row.statusSince.toISOString(),
      links: links.get(id)?.count ?? 0,
      ...(suspension && { suspension }),
      createdAt: row.createdAt.toISOString(),
    }
  })
}
