import { sql } from 'kysely'
import { allows } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { findStance, platformRolesOf } from './standing.ts'

/**
 * Keeps the account of the context as it is until the transaction ends: nobody else changes it or its members meanwhile. The context
 * that comes back holds what the caller is there now, which may be less than when the request came in.
 *
 * @throws problem `account.not_found`, or `auth.forbidden` when the permission is gone
 */
export async function holdAccount(ctx: Context, permission?: string): Promise<Context> {
  const id = ctx.accountId
  const held = await ctx.db
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', id)
    .where('deletedAt', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!held) throw httpProblems.noAccount({ id })
  const acting = await asNow(ctx)
  if (permission !== undefined) demand(acting, permission)
  return acting
}

/** @throws problem `auth.forbidden` */
export function demand({ actor }: Context, permission: string): void {
  if (!allows(actor, permission)) throw httpProblems.forbidden({ permission })
}

async function asNow(ctx: Context): Promise<Context> {
  const { actor, accountId } = ctx
  if (actor.kind !== 'user' && actor.kind !== 'key') return ctx
  const person = { userId: actor.userId, platformRoles: platformRolesOf(actor) }
  const stance = await findStance(ctx.db, person, accountId)
  if (!stance) throw httpProblems.noAccount({ id: accountId })
  return ctx.with({ actor: { ...actor, ...stance } })
}

/** One at a time changes which account lies where; the triggers of the table hold the same lock. */
export async function holdTree(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('accounts.tree', 0))`.execute(db)
}
