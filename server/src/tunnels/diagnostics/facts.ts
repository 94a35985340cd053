import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from '../parts.ts'
import { urlOfTunnel } from '../present.ts'
import { domainsOf, endpointsOf, findReadable } from '../read.ts'
import type { AgentRunRow, TunnelEndpointRow, TunnelRow } from '../tables.ts'
import type { RelaySeen } from '../usage/relayed.ts'
import type { TunnelRequest } from '../usage/request-schema.ts'
import { seenRequests } from '../usage/requests.ts'

const LOOKED_AT = 100

/** What the checks of one tunnel go by, read once. */
export interface Facts {
  row: TunnelRow
  /** Whether it is the account's own; others are not told what the account has used. */
  isOwn: boolean
  url: string
  hostnames: readonly string[]
  endpoints: readonly TunnelEndpointRow[]
  /** The agents that hold it, by their labels, and the last one that did. */
  runs: readonly AgentRunRow[]
  links: readonly { agent: string; relayId: string; portError: string | null }[]
  relays: readonly RelaySeen[]
  grants: number
  /** The last ones, the newest first. */
  requests: readonly TunnelRequest[]
  silentRelays: readonly string[]
}

/** @throws problem `tunnel.not_found` */
export async function readFacts(ctx: Context, parts: TunnelParts, id: string): Promise<Facts> {
  const { row, permission } = await findReadable(ctx, parts, id)
  const { requests, silent } = await seenRequests(ctx, parts, id, { limit: LOOKED_AT })
  const domains = (await domainsOf(ctx, [id])).get(id) ?? []
  const url = urlOfTunnel(parts, row)
  return {
    ...{
      row,
      isOwn: permission === 'own',
      url,
      requests,
      silentRelays: silent,
    },
    hostnames: [new URL(url).hostname, ...domains],
    endpoints: (await endpointsOf(ctx, [id])).get(id) ?? [],
    runs: await runsOf(ctx, id),
    links: await linksOf(ctx, id),
    relays: await parts.relayCalls.seen(ctx),
    grants: await countGrants(ctx, id),
  }
}

function runsOf({ db }: Context, id: string): Promise<AgentRunRow[]> {
  return db
    .selectFrom('tunnelHolders')
    .innerJoin('tunnelAgentRuns', 'tunnelAgentRuns.id', 'tunnelHolders.runId')
    .selectAll('tunnelAgentRuns')
    .where('tunnelHolders.tunnelId', '=', id)
    .orderBy('tunnelAgentRuns.lastSeenAt', 'desc')
    .execute()
}

function linksOf({ db }: Context, id: string) {
  return db
    .selectFrom('tunnelLinks')
    .select(['agent', 'relayId', 'portError'])
    .where('tunnelId', '=', id)
    .orderBy('relayId')
    .execute()
}

async function countGrants({ db, clock }: Context, id: string): Promise<number> {
  const { count } = await db
    .selectFrom('tunnelShares')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('tunnelId', '=', id)
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', clock.now())]))
    .executeTakeFirstOrThrow()
  return Number(count)
}
