import type { Context } from '#kernel/context.ts'
import { identityUnlinked } from './events.ts'
import type { ProvenVisit } from './visits.ts'
import type { LinkedIdentityRow } from './tables.ts'

/** The one that the provider has proven; its issuer and subject alone tell. */
export function findIdentity(
  { db }: Context,
  { issuer, subject }: Pick<LinkedIdentityRow, 'issuer' | 'subject'>,
): Promise<LinkedIdentityRow | undefined> {
  return db
    .selectFrom('linkedIdentities')
    .selectAll()
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst()
}

/** Oldest first; a person may have 10. */
export function identitiesOf({ db }: Context, userId: string): Promise<LinkedIdentityRow[]> {
  return db
    .selectFrom('linkedIdentities')
    .selectAll()
    .where('userId', '=', userId)
    .orderBy('createdAt')
    .orderBy('id')
    .execute()
}

/** Undefined when somebody has it: one identity is one person, whoever comes first. */
export function insertIdentity(
  ctx: Context,
  userId: string,
  { provider, proof: { issuer, subject, email } }: ProvenVisit,
  usedAt: Date | null,
): Promise<LinkedIdentityRow | undefined> {
  return ctx.db
    .insertInto('linkedIdentities')
    .values({
      ...{ id: ctx.newId('lid'), userId, provider, issuer, subject, email: email ?? null },
      ...{ createdAt: ctx.clock.now(), lastUsedAt: usedAt },
    })
    .onConflict((conflict) => conflict.columns(['issuer', 'subject']).doNothing())
    .returningAll()
    .executeTakeFirst()
}

/** Notes that it signs its person in, unless it was unlinked meanwhile. The caller holds the user's row. */
export async function useIdentity(
  { db, clock }: Context,
  { id, userId }: LinkedIdentityRow,
  { provider, proof: { email } }: ProvenVisit,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('linkedIdentities')
    .set({ lastUsedAt: clock.now(), provider, email: email ?? null })
    .where('id', '=', id)
    .where('userId', '=', userId)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Unlinks all that a person has, in the transaction of the caller; announces `user.identity_unlinked` for each. */
export async function dropIdentities(
  ctx: Context,
  { id: userId, accountId }: { id: string; accountId: string },
): Promise<void> {
  const dropped = await ctx.db
    .deleteFrom('linkedIdentities')
    .where('userId', '=', userId)
    .returning(['id', 'provider'])
    .execute()
  const { events } = ctx.actingFor(accountId)
  for (const { id: identityId, provider } of dropped) {
    await events.emit(identityUnlinked, { userId, identityId, provider })
  }
}
