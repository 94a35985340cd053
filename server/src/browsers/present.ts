import type { z } from 'zod'
import { allows } from '#access/index.ts'
import { actorId, actsAsAnother, type Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import type { runCommand } from './commands.ts'
import type { BrowserCommand, BrowserSession, CommandType, SessionUrlsWish } from './schema.ts'
import { queuePlaces } from './queue.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { SessionUrls } from './urls.ts'
import type { CommandRow, SessionRow } from './tables.ts'

/** Bytes for a client that asks for an image, base64 in JSON for the others. */
export function presentScreenshot(
  request: RequestFacts,
  shot: Awaited<ReturnType<typeof runCommand<'screenshot'>>>,
) {
  const { bytes, contentType, ...rest } = shot
  if (request.prefers('image/')) {
    return Reply.content(bytes, contentType, { 'x-session-id': shot.sessionId })
  }
  const format = contentType.slice('image/'.length) as 'png' | 'jpeg' | 'webp'
  return { ...rest, format, base64: bytes.toString('base64') }
}

/** Bytes for a client that asks for a PDF, base64 in JSON for the others. */
export function presentPdf(
  request: RequestFacts,
  { bytes, contentType, sessionId }: Awaited<ReturnType<typeof runCommand<'pdf'>>>,
) {
  return request.prefers(contentType)
    ? Reply.content(bytes, contentType, { 'x-session-id': sessionId })
    : { sessionId, bytes: bytes.length, base64: bytes.toString('base64') }
}

/**
 * Sessions as the caller may see them: who may only look gets addresses that only look, and who acts as another gets none, since an
 * address would outlive that.
 */
export async function presentSessions(
  ctx: Context,
  { urls }: Pick<BrowserRuntime, 'urls'>,
  rows: readonly SessionRow[],
): Promise<BrowserSession[]> {
  const waiting = rows.filter(({ status }) => status === 'queued').map(({ id }) => id)
  const places = await queuePlaces(ctx, waiting)
  const showsAddresses = !actsAsAnother(ctx.actor)
  const mayDrive = allows(ctx.actor, 'sessions.write')
  return rows.map((row) => ({
    ...presentRow(row),
    ...(showsAddresses && row.endedAt === null && addressesOf(urls, row, mayDrive)),
    ...(places.has(row.id) && { queuePlace: places.get(row.id) }),
  }))
}

export async function presentSession(
  ctx: Context,
  runtime: Pick<BrowserRuntime, 'urls'>,
  row: SessionRow,
): Promise<BrowserSession> {
  return (await presentSessions(ctx, runtime, [row]))[0]!
}

/** @throws problem `auth.not_as_another` for whoever acts as another */
export function presentUrls(
  { actor }: Context,
  { urls }: Pick<BrowserRuntime, 'urls'>,
  { id, generation }: SessionRow,
  { cdp, live }: z.output<typeof SessionUrlsWish>,
) {
  if (actsAsAnother(actor)) throw httpProblems.notAsAnother()
  return {
    cdpUrl: urls.make(`cdp:${cdp}`, id, generation),
    liveUrl: urls.make(`live:${live}`, id, generation),
  }
}

function addressesOf(urls: SessionUrls, { id, generation }: SessionRow, mayDrive: boolean) {
  return {
    cdpUrl: urls.make(mayDrive ? 'cdp:driver' : 'cdp:observer', id, generation),
    liveUrl: urls.make(mayDrive ? 'live:control' : 'live:watch', id, generation),
  }
}

function presentRow(row: SessionRow): BrowserSession {
  const time = (date: Date | null) => date?.toISOString()
  const { id, accountId, userId, status, timeoutSeconds, idleTimeoutSeconds } = row
  return {
    ...{ id, accountId, userId, status, timeoutSeconds, idleTimeoutSeconds },
    instanceId: row.instanceId ?? undefined,
    egress: row.egress ?? undefined,
    tunnels: row.tunnels?.map((tunnel) => ({ ...tunnel, url: `http://${tunnel.name}.tunnel/` })),
    recording: row.recording ?? undefined,
    startTime: time(row.startedAt),
    endTime: time(row.endedAt),
    lastActivityTime: row.lastActivityAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    viewport: row.viewport,
    userAgent: row.userAgent ?? undefined,
    locale: row.locale ?? undefined,
    timezone: row.timezone ?? undefined,
    currentUrl: row.currentUrl ?? undefined,
    currentTitle: row.currentTitle ?? undefined,
    errorMessage: row.errorMessage ?? undefined,
    endReason: row.endReason ?? undefined,
    metadata: row.metadata,
    wipe: row.wipe ?? undefined,
    createdAt: row.createdAt.toISOString(),
  }
}

export function presentCommand(row: CommandRow): BrowserCommand {
  return {
    id: row.id,
    sessionId: row.sessionId,
    type: row.type as CommandType,
    params: row.params,
    startTime: row.startedAt.toISOString(),
    endTime: row.endedAt?.toISOString(),
    status: row.status,
    result: row.result ?? undefined,
    errorMessage: row.errorMessage ?? undefined,
    actor: actorId(row.actor) ?? row.actor.kind,
  }
}
