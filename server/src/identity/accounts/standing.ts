import { PLATFORM_RANKS, type PlatformRole, type Role } from '#access/index.ts'
import { sql } from 'kysely'
import type { Actor, Context, Standing } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { idPattern } from '#kernel/ids.ts'
import { isFactorOwed, UNFINISHED } from '../factors/owed.ts'
import { factorRoles } from '../factors/requirement.ts'
import { rolesOf } from '../users.ts'

const ACCOUNT_ID = idPattern('acc')

/** What somebody is in an account, and whence. */
export interface Stance {
  accountId: string
  standing: Standing
  roles: Role[]
}

interface Found extends Stance {
  requireSecondFactor: boolean
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
): Promise<Found | undefined> {
  if (!ACCOUNT_ID.test(accountId)) return undefined
  const row = await db
    .selectFrom('accounts')
    .leftJoin('members', (join) =>
      join
        .onRef('members.accountId', '=', 'accounts.id')
        .on('members.userId', '=', userId)
        .on('members.accountId', '=', within ?? accountId),
    )
    .select(['accounts.kind', 'accounts.requireSecondFactor', 'members.role'])
    .select(leadsAbove(userId, within).as('isBelow'))
    .where('accounts.id', '=', accountId)
    .where('accounts.deletedAt', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const { requireSecondFactor } = row
  const found = { accountId, requireSecondFactor }
  if (row.role) {
    return { ...found, standing: 'own', roles: rolesOf(platformRoles, row.role, row.kind) }
  }
  if (row.isBelow) {
    return { ...found, standing: 'subtree', roles: [...platformRoles, 'reseller-admin'] }
  }
  return platformRoles.length > 0
    ? { ...found, standing: 'all', roles: [...platformRoles] }
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

/**
 * The same actor, as they stand to the account that is named. A person who owes a second factor, there or at home, may do nothing there.
 *
 * @param demanding roles that demand one
 * @throws problem `account.not_found`
 */
export async function standIn<A extends Actor & { kind: 'user' | 'key' }>(
  db: Db,
  actor: A,
  account: unknown,
  demanding: readonly Role[],
): Promise<A> {
  if (account === actor.accountId) return actor
  const id = typeof account === 'string' ? account.slice(0, 64) : ''
  const within = actor.kind === 'key' ? actor.accountId : undefined
  const person = {
    userId: actor.userId,
    platformRoles: platformRolesOf(actor),
    ...(within && { within }),
  }
  const found = await findStance(db, person, id)
  if (!found) throw httpProblems.noAccount({ id })
  const { requireSecondFactor, ...stance } = found
  const there = { ...actor, ...stance }
  if (there.kind !== 'user') return there
  const owes = there.unfinished || (await owesFactor(db, there, requireSecondFactor, demanding))
  return owes ? { ...there, ...UNFINISHED } : there
}

/** Of a sign-in that was lent, the proofs are those of the lender's own. */
async function owesFactor(
  db: Db,
  { signInId, roles }: { signInId: string; roles: Role[] },
  requireSecondFactor: boolean,
  demanding: readonly Role[],
): Promise<boolean> {
  if (!isFactorOwed({ amr: [], requireSecondFactor }, roles, demanding)) return false
  const { amr } = await db
    .selectFrom('signIns')
    .leftJoin('signIns as lender', 'lender.id', 'signIns.impersonatedFrom')
    .select(({ fn }) => fn.coalesce('lender.amr', 'signIns.amr').as('amr'))
    .where('signIns.id', '=', signInId)
    .executeTakeFirstOrThrow()
  return isFactorOwed({ amr, requireSecondFactor }, roles, demanding)
}

/** The same context acting for another account, with what its actor is there. @throws problem `account.not_found` */
export async function actFor(ctx: Context, accountId: string): Promise<Context> {
  const { actor } = ctx
  if (actor.kind === 'system') return ctx.actingFor(accountId)
  if (actor.kind === 'anonymous') throw httpProblems.noAccount({ id: accountId })
  const demanding = ctx.settings.get(factorRoles) ?? []
  return ctx.with({ actor: await standIn(ctx.db, actor, accountId, demanding), accountId })
}

export function platformRolesOf({ roles }: { roles: readonly string[] }): PlatformRole[] {
  return PLATFORM_RANKS.filter((role) => roles.includes(role))
}
