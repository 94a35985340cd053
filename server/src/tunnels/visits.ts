import type { Context } from '#kernel/context.ts'
import { idPattern } from '#kernel/ids.ts'
import type { TunnelParts } from './parts.ts'
import { hostnameOf } from './present.ts'
import { problems } from './problems.ts'
import { domainsOf } from './read.ts'
import type { TunnelRow } from './tables.ts'
import type { BeginVisit } from './visit-schema.ts'

/** What relays take visitors back by: a ticket of 60 s, and where they wanted to go. */
const VISIT_PATH = '/.gantry/visit'

/**
 * The way back to a tunnel for whoever has signed in and may visit it: as a member of its account, or by a grant. It counts in the
 * browser that has begun the visit, and leads to a hostname of the tunnel whatever was asked for.
 *
 * @throws problem `tunnel.not_found`, also for who may not visit it, or `tunnel.visit_elsewhere`
 */
export async function visitTunnel(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { to, state }: BeginVisit,
): Promise<{ url: string }> {
  const row = idPattern('tun').test(id) ? await findAny(ctx, id) : undefined
  const entrance = row && (await entranceOf(ctx, parts, row))
  if (!entrance) throw problems.notShared({ id })
  const place = await placeOf(ctx, parts, row, to)
  const { userId } = ctx.actor as { userId: string }
  const ticket = await parts.visitTicketFor(id, [entrance, userId, state].join('|'))
  const query = new URLSearchParams({ ticket, to: place.path })
  return { url: `${place.origin}${VISIT_PATH}?${query}` }
}

function findAny({ db }: Context, id: string): Promise<TunnelRow | undefined> {
  return db
    .selectFrom('tunnels')
    .selectAll()
    .where('id', '=', id)
    .where('kind', '=', 'http')
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
}

/** `members`, or the id of the grant that lets whoever is acting in. */
async function entranceOf(
  ctx: Context,
  parts: TunnelParts,
  row: TunnelRow,
): Promise<string | undefined> {
  const { access, accountId, id } = row
  const isMember = (account: string) => parts.isMember(ctx, account)
  if (access.policy === 'members' && (await isMember(accountId))) return 'members'
  const { userId } = ctx.actor as { userId: string }
  const emailKey = (await parts.provenEmailKey(ctx, userId)) ?? null
  const shares = await ctx.db
    .selectFrom('tunnelShares')
    .select(['id', 'kind', 'granteeAccountId'])
    .where('tunnelId', '=', id)
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', ctx.clock.now())]))
    .where((eb) =>
      eb.or([eb('userId', '=', userId), eb('emailKey', '=', emailKey), eb('kind', '=', 'account')]),
    )
    // What is the person's own first.
    .orderBy('kind', 'desc')
    .orderBy('id')
    .execute()
  for (const { id, kind, granteeAccountId } of shares) {
    if (kind === 'user' || (await isMember(granteeAccountId!))) return id
  }
  return undefined
}

/** @throws problem `tunnel.visit_elsewhere` */
async function placeOf(
  ctx: Context,
  parts: TunnelParts,
  row: TunnelRow,
  to: string,
): Promise<{ origin: string; path: string }> {
  const { hostname = '', pathname = '/', search = '' } = URL.parse(to) ?? {}
  const domains = (await domainsOf(ctx, [row.id])).get(row.id) ?? []
  if (![hostnameOf(parts, row), ...domains].includes(hostname)) {
    throw problems.visitElsewhere({ hostname })
  }
  return { origin: parts.urlOf(hostname), path: `${pathname}${search}` }
}
