import type { Context } from '#kernel/context.ts'

/** The key of a user's address, if they have proven that it is theirs. */
export async function provenEmailKey({ db }: Context, userId: string): Promise<string | undefined> {
  const user = await db
    .selectFrom('users')
    .select('emailKey')
    .where('id', '=', userId)
    .where('emailVerified', '=', true)
    .executeTakeFirst()
  return user?.emailKey
}

/** The accounts that the user is a member of. */
export async function accountsOfMember({ db }: Context, userId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('members')
    .innerJoin('accounts', 'accounts.id', 'members.accountId')
    .select('accountId')
    .where('userId', '=', userId)
    .where('deletedAt', 'is', null)
    .orderBy('accountId')
    .execute()
  return rows.map(({ accountId }) => accountId)
}

/** Whether such a user may sign in, or such an account is there. */
export async function isKnown(
  { db }: Context,
  who: { userId: string } | { accountId: string },
): Promise<boolean> {
  const found =
    'userId' in who
      ? db
          .selectFrom('users')
          .select('id')
          .where('id', '=', who.userId)
          .where('status', '=', 'active')
      : db
          .selectFrom('accounts')
          .select('id')
          .where('id', '=', who.accountId)
          .where('deletedAt', 'is', null)
  return (await found.executeTakeFirst()) !== undefined
}
