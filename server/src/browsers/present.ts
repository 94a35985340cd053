import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import type { runCommand } from './commands.ts'
import type { BrowserCommand, BrowserSession, CommandType } from './schema.ts'
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

export function presentSession(row: SessionRow): BrowserSession {
  const time = (date: Date | null) => date?.toISOString()
  const { id, accountId, userId, instanceId, status, timeoutSeconds, idleTimeoutSeconds } = row
  return {
    ...{ id, accountId, userId, instanceId, status, timeoutSeconds, idleTimeoutSeconds },
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
    actor: row.actor.kind === 'user' ? row.actor.userId : row.actor.kind,
  }
}
