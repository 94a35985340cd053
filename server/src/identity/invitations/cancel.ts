import type { Context } from '#kernel/context.ts'
import { invitationCancelled } from './events.ts'
import { isRightful } from './right.ts'
import type { InvitationRow } from './tables.ts'

type Reason = NonNullable<InvitationRow['cancelledReason']>

/** Ends those open invitations to the account that the user made and could not make today. */
export async function cancelUnrightful(ctx: Context, userId: string): Promise<void> {
  const rows = await openOnes(ctx).where('invitedBy', '=', userId).execute()
  for (const row of rows) {
    if (!(await isRightful(ctx, row))) await cancel(ctx, row, 'inviter_lost_right')
  }
}

/** Ends those open invitations to run the installation that the user made and could not make today. */
export async function cancelUnrightfulStaff(ctx: Context, userId: string): Promise<void> {
  const rows = await ctx.db
    .selectFrom('invitations')
    .selectAll()
    .where('invitedBy', '=', userId)
    .where('platformRole', 'is not', null)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
    .execute()
  for (const row of rows) {
    if (!(await isRightful(ctx, row))) await cancel(ctx, row, 'inviter_lost_right')
  }
}

/** Ends every open invitation that the user made, to whatever account. */
export async function cancelThoseOf(ctx: Context, userId: string): Promise<void> {
  const rows = await ctx.db
    .selectFrom('invitations')
    .selectAll()
    .where('invitedBy', '=', userId)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
    .execute()
  for (const row of rows) await cancel(ctx, row, 'inviter_lost_right')
}

/** Ends every open invitation to the account, which is about to be deleted. */
export async function cancelAll(ctx: Context): Promise<void> {
  for (const row of await openOnes(ctx).execute()) await cancel(ctx, row, 'account_deleted')
}

/** Whether it was this call that ended it. Announces `invitation.cancelled` if so. */
export async function cancel(
  ctx: Context,
  { id: invitationId, accountId }: InvitationRow,
  reason: Reason,
): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('invitations')
    .set({ cancelledAt: ctx.clock.now(), cancelledReason: reason })
    .where('id', '=', invitationId)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  const acting = accountId ? ctx.actingFor(accountId) : ctx
  await acting.events.emit(invitationCancelled, { invitationId, reason })
  return true
}

function openOnes(ctx: Context) {
  return ctx.db
    .selectFrom('invitations')
    .selectAll()
    .where('accountId', '=', ctx.accountId)
    .where('acceptedAt', 'is', null)
    .where('cancelledAt', 'is', null)
}
