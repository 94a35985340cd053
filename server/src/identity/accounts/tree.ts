import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { AccountRow } from './present.ts'
import { accountProblems } from './problems.ts'

/** As the migration says. */
const MAX_LEVELS = 6

/**
 * Says in words what the database would refuse. The caller holds the tree, so that it stays true.
 *
 * @throws problem `account.not_found`, `account.not_a_reseller`, `account.cycle` or `account.too_deep`
 */
export async function checkPlace(
  ctx: Context,
  { parentId, account }: { parentId: string; account?: AccountRow },
): Promise<void> {
  const parent = await ctx.db
    .selectFrom('accounts')
    .select(['kind', 'path'])
    .where('id', '=', parentId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  if (!parent) throw httpProblems.noAccount({ id: parentId })
  if (account && parent.path.includes(account.id)) {
    throw accountProblems.cycle({ id: account.id, parentId })
  }
  if (parent.kind !== 'reseller') throw accountProblems.notReseller({ id: parentId })
  const levels = parent.path.length + (account ? await levelsFrom(ctx, account) : 1)
  if (levels > MAX_LEVELS) throw accountProblems.tooDeep({ levels: MAX_LEVELS })
}

/** How many levels there are from this account down, itself included. */
async function levelsFrom(ctx: Context, { id, path }: AccountRow): Promise<number> {
  const { deepest } = await ctx.db
    .selectFrom('accounts')
    .select(sql<number>`max(cardinality(path))`.as('deepest'))
    .where(sql<boolean>`path @> array[${id}]`)
    .executeTakeFirstOrThrow()
  return deepest - path.length + 1
}

export async function hasAccountsBelow(ctx: Context): Promise<boolean> {
  const child = await ctx.db
    .selectFrom('accounts')
    .select('id')
    .where('parentId', '=', ctx.accountId)
    .where('deletedAt', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return child !== undefined
}
