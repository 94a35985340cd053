import { z } from 'zod'
import { actsAsAnother, type Context } from '#kernel/context.ts'
import type { TunnelParts } from '../parts.ts'
import { findManageable, findReadable } from '../read.ts'
import { type Answers, askRelays, inTime } from './ask.ts'
import { usageProblems } from './problems.ts'
import { type ReplayRequest, type RequestsQuery, TunnelRequest } from './request-schema.ts'

const LIST = 'tunnels.requests'

export interface SeenPage {
  requests: TunnelRequest[]
  after: string | undefined
  silent: string[]
}

/** The last requests of a tunnel over all relays, the newest first. @throws problem `tunnel.not_found` */
export async function listRequests(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { limit, cursor, failed }: RequestsQuery,
) {
  await findReadable(ctx, parts, id)
  const list = `${LIST} ${id}`
  const after = cursor ? ctx.cursors.open(list, cursor) : undefined
  const page = await seenRequests(ctx, parts, id, { limit, ...(after && { after }) })
  const { requests, silent: silentRelays } = page
  return {
    items: failed ? requests.filter(hasFailed) : requests,
    nextCursor: page.after === undefined ? null : ctx.cursors.seal(list, page.after),
    silentRelays,
  }
}

/** Whether a visitor did not get what the service would have answered, or the service answered with 5xx. */
export function hasFailed({ outcome, status }: TunnelRequest): boolean {
  return outcome !== 'answered' || (status !== undefined && status >= 500)
}

/** Each relay gives its newest ones; together they are cut where the page is full. */
export async function seenRequests(
  ctx: Context,
  { relayCalls }: Pick<TunnelParts, 'relayCalls'>,
  tunnelId: string,
  asked: { limit: number; after?: string },
): Promise<SeenPage> {
  const { answers, silent } = await askRelays(ctx, relayCalls, (calls) =>
    calls.requests({ tunnelId, ...asked }),
  )
  const all = answers
    .flatMap(({ answer }) => answer.requests)
    .flatMap((one) => TunnelRequest.safeParse(one).data ?? [])
    .toSorted((one, other) => (placeOf(one) < placeOf(other) ? 1 : -1))
  const requests = all.slice(0, asked.limit)
  const hasMore = all.length > requests.length || answers.some(({ answer }) => answer.after)
  const last = requests.at(-1)
  return { requests, after: hasMore && last ? placeOf(last) : undefined, silent }
}

/** As relays sort them, so that each of them knows what a page comes after. */
function placeOf({ endedAtMs, id }: TunnelRequest): string {
  return `${String(Math.round(endedAtMs)).padStart(15, '0')}-${id}`
}

/**
 * What visitors and the service say to each other is private: staff who act as somebody see that there was a request, in the list.
 *
 * @throws problem `tunnel.not_found`, `tunnel.request_not_found`, `tunnel.request_private` or `tunnel.relay_silent`
 */
export async function getRequest(
  ctx: Context,
  parts: TunnelParts,
  { id, requestId }: { id: string; requestId: string },
): Promise<TunnelRequest> {
  await findReadable(ctx, parts, id)
  const found = await askRelays(ctx, parts.relayCalls, (calls) =>
    calls.request({ tunnelId: id, requestId }),
  )
  const whole = found.answers.flatMap(({ answer }) => TunnelRequest.safeParse(answer).data ?? [])
  const [request] = whole
  if (!request) return notFound(found, requestId)
  const isKept = request.request !== undefined || request.response !== undefined
  if (isKept && actsAsAnother(ctx.actor)) throw usageProblems.requestPrivate({ id: requestId })
  return request
}

const Outcome = z.union([
  z.object({ requestId: z.string().max(64) }),
  z.object({ refused: z.string(), detail: z.string() }),
])

/** Its service takes its time; a request of the API has 30 s. */
const REPLAY_MS = 25_000

/**
 * Makes a request once more, through the relay that keeps it and everything that a visitor's request passes. It is never sent to a
 * second relay, since the first may have made it and been too slow to say so.
 *
 * @throws problem `tunnel.not_found`, `tunnel.request_not_found`, `tunnel.request_not_replayable`, `tunnel.relay_silent` or
 * `tunnel.replay_unsure`
 */
export async function replayRequest(
  ctx: Context,
  parts: TunnelParts,
  { id, requestId }: { id: string; requestId: string },
  { withoutSecrets }: ReplayRequest,
): Promise<{ requestId: string }> {
  await findManageable(ctx, parts, id)
  const asked = { tunnelId: id, requestId }
  const found = await askRelays(ctx, parts.relayCalls, (calls) => calls.request(asked))
  const keeper = found.answers.find(({ answer }) => TunnelRequest.safeParse(answer).success)
  if (!keeper) return notFound(found, requestId)
  const calls = await parts.relayCalls.callsTo(ctx, keeper.relayId)
  const replaying = calls?.replay({ ...asked, withoutSecrets })
  const answer = await inTime(Promise.resolve(replaying), REPLAY_MS).catch((cause: unknown) => {
    throw usageProblems.replayUnsure({ id: requestId, cause })
  })
  const { data } = Outcome.safeParse(answer)
  if (!data || ('refused' in data && data.refused === 'gone')) return notFound(found, requestId)
  if ('requestId' in data) return data
  throw usageProblems.notReplayable({ id: requestId, detail: data.detail })
}

function notFound({ silent }: Answers<unknown>, id: string): never {
  if (silent.length > 0) throw usageProblems.relaySilent()
  throw usageProblems.requestGone({ id })
}
