import type { Context } from '#kernel/context.ts'
import type { PersonalRecords, PersonOnRecord, Rows } from '#kernel/personal-records.ts'

/** The long work that somebody has started; it is kept for 30 days. */
export const operationsOfPerson: PersonalRecords = {
  lists: { operations: listOperations },
  erase: async ({ db }, { userId }) => {
    await db.deleteFrom('operations').where('userId', '=', userId).execute()
  },
}

async function* listOperations({ db }: Context, { userId }: PersonOnRecord): Rows {
  yield* await db
    .selectFrom('operations')
    .select(['id', 'kind', 'accountId', 'status', 'createdAt', 'startedAt', 'endedAt'])
    .where('userId', '=', userId)
    .orderBy('id')
    .limit(10_000)
    .execute()
}
