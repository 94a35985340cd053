import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader, type Reader } from '#kernel/events.ts'
import { askAgain, endShares } from './cut.ts'
import { deleteRow } from './life.ts'
import type { Running, TunnelParts } from './parts.ts'
import { changing } from './revision.ts'
import { checkRuns } from './runs.ts'

const About = z.object({
  userId: z.string().optional(),
  keyId: z.string().optional(),
  signInId: z.string().optional(),
})

/** After which somebody may not act any more as they could. */
const FALLEN = [
  ...['api_key.revoked', 'api_key.rotated', 'user.signed_out', 'sign_in.reuse_detected'],
  ...['member.removed', 'member.role_changed', 'user.deactivated', 'user.deletion_scheduled'],
  ...['user.password_changed'],
]

/** After which visitors are let in no more that were let in as who they are. */
const DEPARTED = [
  ...['member.removed', 'user.deactivated', 'user.deletion_scheduled', 'user.sign_ins_ended'],
]

export function tunnelReaders(running: Running): Reader[] {
  return [
    defineReader({
      name: 'tunnels.end_runs',
      kinds: FALLEN,
      from: 'now',
      async handle(ctx, { data }) {
        const { userId, keyId, signInId } = About.parse(data)
        await checkRuns(ctx, running(), keyId ? { keyId } : signInId ? { signInId } : { userId })
      },
    }),
    defineReader({
      name: 'tunnels.cut_visitors',
      kinds: DEPARTED,
      from: 'now',
      async handle(ctx, { kind, data, accountId }) {
        const { userId } = About.parse(data)
        if (userId === undefined) return
        const parts = running()
        const isOne = kind === 'member.removed' && accountId !== null
        const accounts = isOne ? [accountId] : await parts.accountsOf(ctx, userId)
        await askAgain(ctx, parts, { userId, accounts })
      },
    }),
    defineReader({
      name: 'tunnels.end_account',
      kinds: ['account.deleted'],
      from: 'now',
      async handle(ctx, { accountId }) {
        if (accountId) await endAccount(ctx.actingFor(accountId), running())
      },
    }),
  ]
}

/** Deletes what an account has, and takes back what was shared with it. */
export async function endAccount(ctx: Context, parts: TunnelParts): Promise<void> {
  const { accountId } = ctx
  const there = await ctx.db
    .selectFrom('tunnels')
    .select('id')
    .where('accountId', '=', accountId)
    .where('deletedAt', 'is', null)
    .execute()
  for (const { id } of there) {
    await changing(ctx, parts, (ctx, revision) =>
      deleteRow(ctx, id, { revision, reason: 'account_deleted' }),
    )
  }
  await endShares(ctx, parts, { granteeAccountId: accountId })
  await checkRuns(ctx, parts, { accountId })
}
