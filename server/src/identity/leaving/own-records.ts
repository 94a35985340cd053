import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { PersonOnRecord } from '#kernel/personal-records.ts'
import { memberRemoved } from '../accounts/events.ts'

/** What tells of one person and nobody else. Signed-in devices of staff who acted as them go too. */
const THEIRS = [
  ...['sign_in_records', 'one_time_tokens', 'totp_secrets', 'backup_codes', 'passkeys'],
  ...['sign_in_challenges', 'factor_tries', 'remembered_devices', 'sign_ins'],
]

/** Erases what this capability keeps beside the user itself; objects in the store are left to their own parts. */
export async function eraseOwnRecords(
  ctx: Context,
  { userId, accountIds }: PersonOnRecord,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const { db } = ctx
    for (const table of THEIRS) {
      await sql`delete from ${sql.table(table)} where user_id = ${userId}`.execute(db)
    }
    await db.deleteFrom('apiKeys').where('createdBy', '=', userId).execute()
    await db
      .deleteFrom('invitations')
      .where(sql<boolean>`account_id = any (${accountIds})`)
      .execute()
    // Of the list that they were made from.
    await db.updateTable('bulkRows').set({ person: null }).where('userId', '=', userId).execute()
    await leaveAll(ctx, userId)
  })
}

async function leaveAll(ctx: Context, userId: string): Promise<void> {
  const left = await ctx.db
    .deleteFrom('members')
    .where('userId', '=', userId)
    .returning(['accountId', 'role'])
    .execute()
  for (const { accountId, role } of left) {
    await ctx.actingFor(accountId).events.emit(memberRemoved, { userId, role, left: true })
  }
}
