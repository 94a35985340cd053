import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { PersonalRecords, PersonOnRecord } from '#kernel/personal-records.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { memberRemoved } from './accounts/events.ts'
import { removePicture } from './avatar/service.ts'
import { removeExport } from './export/jobs.ts'
import { ownLists } from './export/own-lists.ts'
import type { PasswordFailures } from './password-failures.ts'
import { emailKey } from './email.ts'

/** What tells of one person and nobody else. Sign-ins of staff who acted as them are theirs too. */
const THEIRS = [
  ...['sign_in_records', 'one_time_tokens', 'totp_secrets', 'backup_codes', 'passkeys'],
  ...['sign_in_challenges', 'factor_tries', 'remembered_devices', 'sign_ins', 'linked_identities'],
  'socket_tickets',
]

/** Of a row that is of nobody else. */
const ERASED_EMAIL = 'erased@deleted.invalid'

interface Parts {
  tools: { failures: Pick<PasswordFailures, 'clear'> }
  store: ObjectStore
}

/** What this capability keeps about people, beside the row of the user itself. */
export function ownRecords(parts: () => Parts): PersonalRecords {
  return {
    lists: ownLists(() => parts().store),
    erase: (ctx, person) => erase(parts(), ctx, person),
  }
}

async function erase({ tools, store }: Parts, ctx: Context, person: PersonOnRecord): Promise<void> {
  await eraseObjects(ctx, store, person)
  await eraseRows(ctx, person)
  await tools.failures.clear(emailKey(person.email)!, ctx.db)
}

async function eraseObjects(
  ctx: Context,
  store: ObjectStore,
  { userId }: PersonOnRecord,
): Promise<void> {
  const pictures = ctx.db.selectFrom('avatars').select(['id', 'userId'])
  for (const one of await pictures.where('userId', '=', userId).execute()) {
    await removePicture(ctx, store, one)
  }
  const copies = ctx.db.selectFrom('dataExports').select(['id', 'userId'])
  for (const one of await copies.where('userId', '=', userId).execute()) {
    await removeExport(ctx, store, one)
  }
}

function eraseRows(ctx: Context, person: PersonOnRecord): Promise<void> {
  const { userId, accountIds } = person
  return ctx.transaction(async (ctx) => {
    const { db } = ctx
    for (const table of THEIRS) {
      await sql`delete from ${sql.table(table)} where user_id = ${userId}`.execute(db)
    }
    await db.deleteFrom('apiKeys').where('createdBy', '=', userId).execute()
    await db
      .deleteFrom('invitations')
      .where(sql<boolean>`account_id = any (${accountIds})`)
      .execute()
    await forgetInLists(ctx, person)
    await leaveAll(ctx, userId)
  })
}

/** The lists that they were made from, or that named them once more. */
async function forgetInLists({ db }: Context, { userId, email }: PersonOnRecord): Promise<void> {
  await sql`
    update bulk_rows
    set person = case when user_id is null then jsonb_build_object('email', ${ERASED_EMAIL}::text) end
    where user_id = ${userId} or (user_id is null and lower(person->>'email') = lower(${email}))`.execute(
    db,
  )
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
