import type { Context } from '#kernel/context.ts'
import { emailKey } from '#kernel/email-key.ts'
import {
  rowsById,
  type PersonalRecords,
  type PersonOnRecord,
  type Rows,
} from '#kernel/personal-records.ts'
import { endShares } from './cut.ts'
import type { Running, TunnelParts } from './parts.ts'
import { endAccount } from './readers.ts'

/** What is kept of the tunnels that somebody has made, held open or was let into. */
export function tunnelRecords(running: Running): PersonalRecords {
  return {
    lists: { tunnels: listTunnels, tunnelAgentRuns: listRuns, tunnelShares: listShares },
    erase: (ctx, person) => erase(ctx, running(), person),
  }
}

/** Those that the person created, the oldest first. */
function listTunnels({ db }: Context, { userId }: PersonOnRecord): Rows {
  return rowsById((after, limit) =>
    db
      .selectFrom('tunnels')
      .select(['id', 'accountId', 'name', 'kind', 'port', 'status', 'started'])
      .select(['createdAt', 'updatedAt', 'deletedAt'])
      .where('createdByUserId', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

function listRuns({ db }: Context, { userId }: PersonOnRecord): Rows {
  return rowsById((after, limit) =>
    db
      .selectFrom('tunnelAgentRuns')
      .select(['id', 'accountId', 'label', 'version', 'host', 'ipAddress', 'tunnelIds'])
      .select(['startedAt', 'lastSeenAt', 'endedAt'])
      .where('userId', '=', userId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

/** What others have shared with the person. */
function listShares({ db }: Context, { userId, email }: PersonOnRecord): Rows {
  const key = emailKey(email) ?? ''
  return rowsById((after, limit) =>
    db
      .selectFrom('tunnelShares')
      .select(['id', 'tunnelId', 'permission', 'expiresAt', 'createdAt'])
      .where((where) => where.or([where('userId', '=', userId), where('emailKey', '=', key)]))
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute(),
  )
}

/** The tunnels of accounts that go with the person; of runs for others only that they were. */
async function erase(
  ctx: Context,
  parts: TunnelParts,
  { userId, email, accountIds }: PersonOnRecord,
): Promise<void> {
  for (const accountId of accountIds) await endAccount(ctx.actingFor(accountId), parts)
  await endShares(ctx, parts, { userId, emailKey: emailKey(email) })
  await ctx.db
    .updateTable('tunnelAgentRuns')
    .set({ host: null, ipAddress: null })
    .where('userId', '=', userId)
    .execute()
}
