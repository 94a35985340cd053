import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { KeptRecords, PersonOnRecord } from '#kernel/personal-records.ts'
import { accountDeleted } from '../accounts/events.ts'
import { holdTree } from '../accounts/hold.ts'
import { cancelAll } from '../invitations/cancel.ts'
import type { Tools } from '../tools.ts'
import { userDeleted } from './events.ts'
import { handOver } from './hand-over.ts'
import type { DepartureRow } from './tables.ts'
import { accountsLeftAlone } from './what-goes.ts'

/** What is left of a name. */
const ERASED = 'deleted'

/**
 * Deletes a user for good once the days of grace are over: first the accounts that are theirs alone, then what each capability keeps,
 * ours last, and then the user. Each step may run again after a kill, and the next try goes on after those that were done. Announces
 * `user.deleted`. Of no effect for a user who was restored, is not due, or is gone.
 */
export async function eraseUser(
  tools: Tools,
  ctx: Context,
  userId: string,
  records: readonly KeptRecords[],
): Promise<void> {
  const departure = await beginErasing(tools, ctx, userId)
  if (!departure) return
  const { email } = await ctx.db
    .selectFrom('users')
    .select('email')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  const person = { userId, email, accountIds: departure.accountIds }
  const own = records.filter(({ name }) => name === 'identity')
  for (const kept of [...records.filter((one) => !own.includes(one)), ...own]) {
    ctx.signal.throwIfAborted()
    await erasePart(ctx, departure, kept, person)
  }
  await endErasing(tools, ctx, person)
}

/** From here on there is no way back. Nothing when there is nothing to erase. */
async function beginErasing(
  tools: Tools,
  ctx: Context,
  userId: string,
): Promise<DepartureRow | undefined> {
  return ctx.transaction(async (ctx) => {
    await holdTree(ctx.db)
    const departure = await ctx.db
      .selectFrom('departures')
      .selectAll()
      .where('userId', '=', userId)
      .where('dueAt', '<=', ctx.clock.now())
      .where('endedAt', 'is', null)
      .forUpdate()
      .executeTakeFirst()
    if (!departure || departure.begunAt) return departure
    if (!(await isLeaving(ctx, userId))) return undefined
    await handOver(tools, ctx, userId)
    const accountIds = await accountsLeftAlone(ctx, userId)
    for (const id of accountIds) await deleteAccountOf(ctx.actingFor(id))
    ctx.afterCommit(() => tools.userChanged(userId))
    return ctx.db
      .updateTable('departures')
      .set({ begunAt: ctx.clock.now(), accountIds })
      .where('userId', '=', userId)
      .returningAll()
      .executeTakeFirstOrThrow()
  })
}

/** Held until the transaction ends. Whoever is anything else is not to be deleted, whatever the departure says. */
async function isLeaving({ db }: Context, userId: string): Promise<boolean> {
  const leaver = await db
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('status', '=', 'leaving')
    .forUpdate()
    .executeTakeFirst()
  return leaver !== undefined
}

/** Names of such accounts are names of people. */
async function deleteAccountOf(ctx: Context): Promise<void> {
  const now = ctx.clock.now()
  await cancelAll(ctx)
  await ctx.db
    .updateTable('accounts')
    .set({ name: ERASED, deletedAt: now, updatedAt: now })
    .where('id', '=', ctx.accountId)
    .execute()
  await ctx.events.emit(accountDeleted, { accountId: ctx.accountId, name: ERASED })
}

async function erasePart(
  ctx: Context,
  departure: DepartureRow,
  { name, personal }: KeptRecords,
  person: PersonOnRecord,
): Promise<void> {
  if (!personal.erase || departure.erased.includes(name)) return
  await personal.erase(ctx, person)
  await ctx.db
    .updateTable('departures')
    .set({ erased: sql<string[]>`array_append(erased, ${name})` })
    .where('userId', '=', person.userId)
    .execute()
}

/** The row stays, since what others keep names it; nothing in it tells who it was, and the address is free. */
async function endErasing(
  tools: Tools,
  ctx: Context,
  { userId, accountIds }: PersonOnRecord,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const ended = await ctx.db
      .updateTable('departures')
      .set({ endedAt: ctx.clock.now() })
      .where('userId', '=', userId)
      .where('endedAt', 'is', null)
      .returning('userId')
      .executeTakeFirst()
    if (!ended) return
    await deleteInvitationsTo(ctx, userId)
    await ctx.db
      .updateTable('users')
      .set({
        ...{
          status: 'deleted',
          firstName: null,
          lastName: null,
          settings: '{}',
          platformRoles: [],
        },
        ...{ email: tombstone(userId), emailKey: tombstone(userId), emailVerified: false },
        ...{
          passwordHash: NO_PASSWORD,
          hasPassword: false,
          lastLoginAt: null,
          updatedAt: ctx.clock.now(),
        },
      })
      .where('id', '=', userId)
      .execute()
    await ctx.events.emit(userDeleted, { userId, accountIds: [...accountIds] })
    ctx.afterCommit(() => tools.userChanged(userId))
  })
}

/** The form of a hash; no password has it. */
const NO_PASSWORD = '$argon2id$deleted'

function tombstone(userId: string): string {
  return `${userId.toLowerCase()}@deleted.invalid`
}

/** Those to the person that are over; one that waits is still for whoever has the address. */
async function deleteInvitationsTo({ db }: Context, userId: string): Promise<void> {
  await sql`
    delete from invitations
    where (accepted_at is not null or cancelled_at is not null)
      and (accepted_by = ${userId} or email_key = (select email_key from users where id = ${userId}))`.execute(
    db,
  )
}
