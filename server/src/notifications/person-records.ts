import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import {
  rowsById,
  type PersonalRecords,
  type PersonOnRecord,
  type Rows,
} from '#kernel/personal-records.ts'

/** The mails to a person: that they were sent, not what they said. */
export const mailsOfPerson: PersonalRecords = { lists: { mails: listMails }, erase: eraseMails }

function listMails({ db }: Context, { email }: PersonOnRecord): Rows {
  return rowsById((after, limit) =>
    db
      .selectFrom('mails')
      .select(['id', 'template', 'language', 'status', 'createdAt', 'endedAt'])
      .where(isTo(email))
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

/** Those about accounts that go with the person, too. One that still waits is not sent any more. */
async function eraseMails(ctx: Context, { email, accountIds }: PersonOnRecord): Promise<void> {
  await ctx.db
    .deleteFrom('mails')
    .where(sql<boolean>`(${isTo(email)} or account_id = any (${accountIds}))`)
    .execute()
}

function isTo(email: string) {
  return sql<boolean>`lower(to_address) = lower(${email})`
}
