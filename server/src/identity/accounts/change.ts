import { allowsAnywhere } from '#access/index.ts'
import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { cancelAll } from '../invitations/cancel.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { accountChanged, accountCreated, accountDeleted } from './events.ts'
import { demand, holdAccount, holdTree } from './hold.ts'
import { takeOutAll } from './members.ts'
import type { AccountRow } from './present.ts'
import { accountProblems } from './problems.ts'
import { getAccount } from './read.ts'
import type { AccountChange, CreateAccount } from './schema.ts'
import { checkPlace, hasAccountsBelow } from './tree.ts'

const MAX_FOUNDED = 20
const MAX_BELOW = 1_000

/**
 * Founds an account: below a reseller, without members, or else for the caller, who owns it. Announces `account.created`.
 *
 * @throws problem `auth.forbidden`, `account.limit_reached`, `account.not_a_reseller` or `account.too_deep`
 */
export async function createAccount(
  tools: Tools,
  ctx: Context,
  input: CreateAccount,
): Promise<AccountRow> {
  const { userId } = signedInActor(ctx)
  if (input.kind === 'reseller') demandOperator(ctx)
  if (input.parentId !== undefined) demand(ctx, 'accounts.create')
  const id = ctx.newId('acc')
  await ctx.transaction(async (ctx) => {
    if (input.parentId === undefined) await checkFounded(ctx, userId)
    else await checkBelow(ctx, input.parentId)
    await insertAccount(ctx, { id, userId, ...input })
    const { name, kind, parentId } = input
    await ctx
      .actingFor(id)
      .events.emit(accountCreated, { accountId: id, name, kind, ...(parentId && { parentId }) })
    ctx.afterCommit(() => tools.userChanged(userId))
  })
  return getAccount(ctx.actingFor(id))
}

async function insertAccount(
  ctx: Context,
  { id, userId, name, kind, parentId }: CreateAccount & { id: string; userId: string },
): Promise<void> {
  const now = ctx.clock.now()
  const isOwn = parentId === undefined
  await ctx.db
    .insertInto('accounts')
    .values({
      ...{ id, name, kind, createdAt: now, updatedAt: now },
      ...(isOwn ? { createdBy: userId } : { parentId }),
    })
    .execute()
  if (!isOwn) return
  await ctx.db
    .insertInto('members')
    .values({ accountId: id, userId, role: 'owner', createdAt: now })
    .execute()
}

/** Holds the caller's row, so that two at once count each other. */
async function checkFounded(ctx: Context, userId: string): Promise<void> {
  await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
  const { count } = await ctx.db
    .selectFrom('accounts')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('createdBy', '=', userId)
    .where('deletedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(count) >= MAX_FOUNDED) throw accountProblems.limitReached({ limit: MAX_FOUNDED })
}

async function checkBelow(ctx: Context, parentId: string): Promise<void> {
  await holdTree(ctx.db)
  await checkPlace(ctx, { parentId })
  const { count } = await ctx.db
    .selectFrom('accounts')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('parentId', '=', parentId)
    .where('deletedAt', 'is', null)
    .executeTakeFirstOrThrow()
  if (Number(count) >= MAX_BELOW) throw accountProblems.limitReached({ limit: MAX_BELOW })
}

/**
 * Changes name, kind or place of the account; announces `account.changed` if anything differs.
 *
 * @throws problem `auth.forbidden`, `account.out_of_reach`, `account.personal` or what `checkPlace` throws
 */
export async function changeAccount(
  tools: Tools,
  ctx: Context,
  change: AccountChange,
): Promise<AccountRow> {
  return ctx.transaction(async (ctx) => {
    if (change.parentId !== undefined || change.kind !== undefined) await holdTree(ctx.db)
    const acting = await holdAccount(ctx, 'accounts.write')
    const account = await getAccount(acting)
    const { name, kind, parentId } = { ...account, ...change }
    const changed = (['name', 'kind', 'parentId'] as const).filter(
      (member) => change[member] !== undefined && change[member] !== account[member],
    )
    if (changed.length === 0) return account
    if (changed.includes('kind')) await checkKind(acting, account)
    if (changed.includes('parentId')) await checkMove(acting, account, parentId)
    await store(acting, account, { name, kind, parentId })
    if (changed.includes('kind')) await tellMembers(tools, acting)
    const { accountId } = acting
    const facts = { accountId, changed, kind, ...(parentId && { parentId }) }
    await acting.events.emit(accountChanged, facts)
    return getAccount(acting)
  })
}

/** What a member may do below the account hangs on its kind. */
async function tellMembers(tools: Tools, ctx: Context): Promise<void> {
  const rows = await ctx.db
    .selectFrom('members')
    .select('userId')
    .where('accountId', '=', ctx.accountId)
    .execute()
  for (const { userId } of rows) ctx.afterCommit(() => tools.userChanged(userId))
}

async function store(
  ctx: Context,
  account: AccountRow,
  { name, kind, parentId }: Pick<AccountRow, 'name' | 'kind' | 'parentId'>,
): Promise<void> {
  const isMoved = parentId !== account.parentId
  await ctx.db
    .updateTable('accounts')
    .set({ name, kind, updatedAt: ctx.clock.now(), ...(isMoved && { parentId }) })
    .where('id', '=', account.id)
    .execute()
}

async function checkKind(ctx: Context, account: AccountRow): Promise<void> {
  demandOperator(ctx)
  if (account.kind === 'personal') throw accountProblems.personal({ id: account.id })
  if (await hasAccountsBelow(ctx)) throw accountProblems.hasAccounts({ id: account.id })
}

/** A reseller moves what is below its account to where it stays there; the operator moves anything anywhere. */
async function checkMove(
  ctx: Context,
  account: AccountRow,
  parentId: string | null,
): Promise<void> {
  demand(ctx, 'accounts.move')
  if (!isOperator(ctx)) await checkReach(ctx, account, parentId)
  if (parentId !== null) await checkPlace(ctx, { parentId, account })
}

async function checkReach(
  ctx: Context,
  account: AccountRow,
  parentId: string | null,
): Promise<void> {
  const { userId } = signedInActor(ctx)
  const leads = await ctx.db
    .selectFrom('accounts as parent')
    .innerJoin('accounts as reseller', (join) =>
      join.on(sql<boolean>`reseller.id = any (parent.path)`).on('reseller.kind', '=', 'reseller'),
    )
    .innerJoin('members', 'members.accountId', 'reseller.id')
    .select('reseller.id')
    .where('parent.id', '=', parentId)
    .where('members.userId', '=', userId)
    .where('members.role', 'in', ['owner', 'admin'])
    .execute()
  if (!leads.some(({ id }) => id !== account.id && account.path.includes(id))) {
    throw accountProblems.outOfReach()
  }
}

/**
 * Deletes the account for everybody; announces `account.deleted`. Its keys, invitations and sessions end with it.
 *
 * @throws problem `auth.step_up_required`, `account.personal` or `account.has_accounts`
 */
export async function deleteAccount(tools: Tools, ctx: Context): Promise<void> {
  await requireStepUp(ctx)
  await ctx.transaction(async (ctx) => {
    await holdTree(ctx.db)
    const acting = await holdAccount(ctx, 'accounts.delete')
    const { id, name, kind } = await getAccount(acting)
    if (kind === 'personal') throw accountProblems.personal({ id })
    if (await hasAccountsBelow(acting)) throw accountProblems.hasAccounts({ id })
    const now = ctx.clock.now()
    await acting.db
      .updateTable('accounts')
      .set({ deletedAt: now, updatedAt: now })
      .where('id', '=', id)
      .execute()
    await cancelAll(acting)
    await takeOutAll(tools, acting)
    await acting.events.emit(accountDeleted, { accountId: id, name })
  })
}

function isOperator({ actor }: Context): boolean {
  return allowsAnywhere(actor, 'accounts.manage')
}

function demandOperator(ctx: Context): void {
  if (!isOperator(ctx)) throw httpProblems.forbidden({ permission: 'accounts.manage' })
}
