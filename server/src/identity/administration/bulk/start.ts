import { grantablePlatformRoles } from '#access/index.ts'
import { sql } from 'kysely'
import { countOpen, createOperation } from '#operations/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { emailKey } from '../../email.ts'
import { staffProblems } from '../../staff/problems.ts'
import { requireStepUp } from '../../step-up.ts'
import { signedInActor } from '../../users.ts'
import { checkRole } from '../create.ts'
import { bulkStarted } from '../events.ts'
import { administrationProblems } from '../problems.ts'
import { callerNow, checkWithin, isReached, type UserPermission } from '../reach.ts'
import type { BulkChange, CreateUser } from '../schema.ts'
import { runKind } from './job.ts'
import { KIND } from './kind.ts'

const MAX_OPEN = 3

const PERMISSIONS: Record<BulkChange['operation'], UserPermission> = {
  ...{ deactivate: 'users.write', reactivate: 'users.write' },
  ...{ tier: 'users.tier', roles: 'staff.write', delete: 'users.delete', create: 'users.create' },
}

/**
 * Starts a change to many users as an operation, and returns its id; a worker carries it out, row by row. If a single one of them may
 * not be changed by the caller, the whole is refused. Announces `users.bulk_started`.
 *
 * @throws problem `auth.step_up_required`, `auth.forbidden`, `request.invalid`, `user.not_found`, `user.not_below_you`, `user.is_you`,
 * `user.belongs_elsewhere`, `user.role_above_you` or `user.too_many_bulk`
 */
export async function startBulk(ctx: Context, change: BulkChange): Promise<string> {
  const { userId, accountId, signInId } = signedInActor(ctx)
  await requireStepUp(ctx)
  checkOnce(change)
  const permission = PERMISSIONS[change.operation]
  return ctx.transaction(async (ctx) => {
    const acting = await callerNow(ctx, permission)
    await checkTargets(acting, change, permission)
    await checkRoom(acting, userId)
    const { operation } = change
    const operationId = await createOperation(acting, `${KIND}${operation}`)
    await ctx.remember(operationId)
    const rows = rowsOf(change).map((row) => ({ operationId, ...row }))
    await acting.db.insertInto('bulkRows').values(rows).execute()
    await acting.events.emit(bulkStarted, { operationId, operation, users: rows.length })
    const caller = { userId, accountId, signInId }
    await acting.jobs.send(runKind, { operationId, caller, work: workOf(change) })
    return operationId
  })
}

function workOf(change: BulkChange) {
  if ('users' in change) return { operation: change.operation }
  const { userIds: _, ...work } = change
  return work
}

function rowsOf(change: BulkChange) {
  const waiting = { status: 'waiting', code: null, detail: null } as const
  if (!('users' in change)) {
    return change.userIds.map((userId, position) => {
      return { position, userId, person: null, ...waiting }
    })
  }
  return change.users.map((user, position) => {
    return { position, userId: null, person: JSON.stringify(user), ...waiting }
  })
}

/** @throws problem `request.invalid` that names each row which is there before */
function checkOnce(change: BulkChange): void {
  const isNew = 'users' in change
  const keys = isNew ? change.users.map(({ email }) => emailKey(email)!) : change.userIds
  const place = isNew ? 'users' : 'userIds'
  const errors = keys.flatMap((key, row) => {
    const first = keys.indexOf(key)
    const message = `is the same as \`${place}.${first}\``
    return first === row ? [] : [{ path: `body.${place}.${row}`, message }]
  })
  if (errors.length > 0) throw httpProblems.invalid({ errors: errors.slice(0, 50) })
  if (isNew) change.users.forEach((user, row) => checkRole(user, `body.users.${row}`))
}

async function checkTargets(
  ctx: Context,
  change: BulkChange,
  permission: UserPermission,
): Promise<void> {
  if ('users' in change) return checkAccounts(ctx, change.users)
  const { userIds, operation } = change
  const users = await ctx.db
    .selectFrom('users')
    .select(['id', 'platformRoles'])
    .where(sql<boolean>`id = any (${userIds})`)
    .where(isReached(ctx, permission, 'users.accountId'))
    .execute()
  const found = new Set(users.map(({ id }) => id))
  const missing = userIds.find((id) => !found.has(id))
  if (missing !== undefined) throw staffProblems.notFound({ userId: missing })
  await checkWithin(ctx, users, { permission, self: operation === 'tier' })
  if (change.operation !== 'roles') return
  const grantable = grantablePlatformRoles(ctx.actor)
  const touched = [...change.roles, ...users.flatMap(({ platformRoles }) => platformRoles)]
  if (touched.some((role) => !grantable.includes(role))) throw staffProblems.aboveYou()
}

/** @throws problem `account.not_found` */
async function checkAccounts(ctx: Context, users: readonly CreateUser[]): Promise<void> {
  const ids = [...new Set(users.flatMap(({ accountId }) => accountId ?? []))]
  const found = await ctx.db
    .selectFrom('accounts')
    .select('id')
    .where(sql<boolean>`id = any (${ids})`)
    .where('deletedAt', 'is', null)
    .where(isReached(ctx, 'users.create', 'accounts.id'))
    .execute()
  const missing = ids.find((id) => !found.some((account) => account.id === id))
  if (missing !== undefined) throw httpProblems.noAccount({ id: missing })
}

/** Holds the caller's row, so that two at once count each other. */
async function checkRoom(ctx: Context, userId: string): Promise<void> {
  await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
  if ((await countOpen(ctx, KIND)) >= MAX_OPEN) {
    throw administrationProblems.tooManyBulk({ limit: MAX_OPEN })
  }
}
