import { PLATFORM_RANKS, type PlatformRole, type Role } from '#access/index.ts'
import { sql } from 'kysely'
import type { Actor, Context, Standing } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { idPattern } from '#kernel/ids.ts'
import { rolesOf } from '../users.ts'

const ACCOUNT_ID = idPattern('acc')

/** What somebody is in an account, and whence. */
export interface Stance {
  accountId: string
  standing: Standing
  roles: Role[]
}

interface Person {
  userId: string
  platformRoles: readonly PlatformRole[]
  /** Counts what they are in this account and no other: an API key stays with its account. */
  within?: string
}

/** How a person stands to an account, at best; undefined when there is no such account for them. */
export async function findStance(
  db: Db,
  { userId, platformRoles, within }: Person,
  accountId: string,
): Promise<Stance | undefined> {
  if (!ACCOUNT_ID.test(accountId)) return undefined
  const row = await db
    .selectFrom('accounts')
    .leftJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'accounts.id')
        .on('members.userId', '=', userId)
        .on('members.accountId', '=', within ?? accountId),
    )
    .select(['accounts.kind', 'members.role', leadsAbove(userId, within).as('isBelow')])
    .where('accounts.id', '=', accountId)
    .where('accounts.deletedAt', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  if (row.role) {
    return { accountId, standing: 'own', roles: rolesOf(platformRoles, row.role, row.kind) }
  }
  if (row.isBelow) {
    return { accountId, standing: 'subtree', roles: [...platformRoles, 'reseller-admin'] }
  }
  return platformRoles.length > 0
    ? { accountId, standing: 'all', roles: [...platformRoles] }
    : undefined
}

/** Whether the person is owner or admin of a reseller account above the one of the query. */
export function leadsAbove(userId: string, within: string | undefined) {
  return sql<boolean>`exists (
    select from members m join accounts r on r.id = m.account_id
    where m.user_id = ${userId} and m.role in ('owner', 'admin')
      and r.kind = 'reseller' and r.deleted_at is null
      and r.id = any (accounts.path) and r.id <> accounts.id
      and r.id = ${within === undefined ? sql`r.id` : within})`
}

/** The same actor, as they stand to the account that is named. @throws problem `account.not_found` */
export async function standIn<A extends Actor & { kind: 'user' | 'key' }>(
  db: Db,
  actor: A,
  account: unknown,
): Promise<A> {
  if (account === actor.accountId) return actor
  const id = typeof account === 'string' ? account.slice(0, 64) : ''
  const within = actor.kind === 'key' ? actor.accountId : undefined
  const person = {
    userId: actor.userId,
    platformRoles: platformRolesOf(actor),
    ...(within && { within }),
  }
  const stance = await findStance(db, person, id)
  if (!stance) throw httpProblems.noAccount({ id })
  return { ...actor, ...stance }
}

/** The same context acting for another account, with what its actor is there. @throws problem `account.not_found` */
export async function actFor(ctx: Context, accountId: string): Promise<Context> {
  const { actor } = ctx
  if (actor.kind === 'system') return ctx.actingFor(accountId)
  if (actor.kind === 'anonymous') throw httpProblems.noAccount({ id: accountId })
  return ctx.with({ actor: await standIn(ctx.db, actor, accountId), accountId })
}

export function platformRolesOf({ roles }: { roles: readonly string[] }): PlatformRole[] {
  return PLATFORM_RANKS.filter((role) => roles.includes(role))
}
