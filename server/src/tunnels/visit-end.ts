import { sql } from 'kysely'
import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader } from '#kernel/events.ts'
import type { Running, TunnelParts } from './parts.ts'
import { changing } from './revision.ts'

const About = z.object({ userId: z.string() })

/**
 * Makes everybody sign in again who visits a tunnel that somebody could visit who is no member any more, or may not sign in any more.
 * Whoever still may does not notice; what that person has open is cut within 5 s.
 */
export const endVisits = (running: Running) =>
  defineReader({
    name: 'tunnels.end_visits',
    kinds: [
      ...['member.removed', 'account.deleted'],
      ...['user.deactivated', 'user.deletion_scheduled', 'user.sign_ins_ended'],
    ],
    from: 'now',
    async handle(ctx, { kind, accountId, data }) {
      const parts = running()
      if (kind === 'member.removed' || kind === 'account.deleted') {
        return raiseGenerations(ctx, parts, { accountIds: accountId ? [accountId] : [] })
      }
      const { userId } = About.parse(data)
      const accountIds = await parts.accountsOf(ctx, userId)
      await raiseGenerations(ctx, parts, { userId, accountIds })
    },
  })

/** Of tunnels that ask who comes, when it may have been this person or somebody of these accounts. */
async function raiseGenerations(
  ctx: Context,
  parts: TunnelParts,
  { userId = null, accountIds }: { userId?: string | null; accountIds: readonly string[] },
): Promise<void> {
  await changing(ctx, parts, async (ctx, revision) => {
    await sql`
      update tunnels set revision = ${revision},
        access = jsonb_set(access, '{generation}', to_jsonb((access->>'generation')::integer + 1))
      where deleted_at is null and (
        (access->>'policy' = 'members' and account_id = any(${accountIds}))
        or exists (
          select from tunnel_shares s where s.tunnel_id = tunnels.id and s.revoked_at is null
            and (s.user_id = ${userId} or s.grantee_account_id = any(${accountIds}))))`.execute(
      ctx.db,
    )
  })
}
