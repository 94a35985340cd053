import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { setRole } from '../accounts/members.ts'
import type { Tools } from '../tools.ts'
import { accountsLeftOwnerless, mayWork } from './what-goes.ts'

/**
 * Gives every account that would stay without an owner the one who is next to it: who is active before who is not, then by role, then
 * who has been there longest. Announces `member.role_changed`.
 */
export async function handOver(tools: Tools, ctx: Context, userId: string): Promise<void> {
  for (const accountId of await accountsLeftOwnerless(ctx, userId)) {
    const there = ctx.actingFor(accountId)
    const heir = await findHeir(there, userId)
    if (heir) await setRole(tools, there, heir, 'owner')
  }
}

function findHeir({ db, accountId }: Context, userId: string) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.userId')
    .select(['members.userId', 'members.role'])
    .where('members.accountId', '=', accountId)
    .where('members.userId', '!=', userId)
    .where(mayWork('users'))
    .orderBy(sql`array_position(array['active', 'disabled', 'leaving'], users.status)`)
    .orderBy(sql`array_position(array['admin', 'member', 'viewer'], members.role)`)
    .orderBy('members.createdAt')
    .orderBy('members.userId')
    .limit(1)
    .executeTakeFirst()
}
