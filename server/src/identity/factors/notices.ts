import type { Context } from '#kernel/context.ts'
import { sendMail, type TemplateValues } from '#notifications/index.ts'
import type { UserRow } from '../users.ts'

/** Tells the person by mail, in the transaction of the change. */
export async function tellChange(
  ctx: Context,
  { email, accountId }: UserRow,
  what: TemplateValues['second_factor_changed']['what'],
  codesLeft?: number,
): Promise<void> {
  const at = ctx.clock.now().toISOString()
  await sendMail(ctx, {
    ...{ to: email, accountId, template: 'second_factor_changed' },
    values: { what, at, ...(codesLeft !== undefined && { codesLeft }) },
  })
}

/** Somebody who knows the password has guessed at the second factor until it was locked. */
export async function tellLock(
  ctx: Context,
  { email, accountId }: UserRow,
  until: Date,
): Promise<void> {
  await sendMail(ctx, {
    ...{ to: email, accountId, template: 'second_factor_locked' },
    values: { until: until.toISOString() },
  })
}
