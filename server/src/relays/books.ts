import { closeLinksOf, linksInBooks } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import type { RelayRow } from './tables.ts'

/** A link that is younger may have been opened while its relay was naming those that it has. */
const YOUNG_MS = 30_000

/** Strikes out of the books what a relay does not name any more. Returns the links that it names and the books do not have. */
export async function closeMissing(
  ctx: Context,
  { id }: Pick<RelayRow, 'id'>,
  named: readonly string[],
): Promise<string[]> {
  const openedBefore = new Date(ctx.clock.now().getTime() - YOUNG_MS)
  await closeLinksOf(ctx, id, named, { openedBefore })
  const known = await linksInBooks(ctx, id, named)
  return named.filter((linkId) => !known.has(linkId))
}

/** Strikes out all links of a relay that does not live any more. */
export async function closeAll(ctx: Context, { id }: Pick<RelayRow, 'id'>): Promise<void> {
  await closeLinksOf(ctx, id, [])
}
