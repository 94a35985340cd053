import type { Generated, Selectable } from 'kysely'
import type { Actor } from '#kernel/context.ts'
import type { Json } from '#kernel/tables.ts'
import type { RecordingWish } from './node/session-node.ts'
import type { EndReason, SessionState } from './states.ts'

/** What an ended session left on the machine; all zero when it is clean. */
export interface WipeCount {
  processes: number
  directories: number
  sockets: number
}

/** A tunnel that the session was given, as it was called then. */
export interface SessionTunnel {
  id: string
  name: string
}

/** One row per rented browser, kept after its end. Made by `migrations/0003_browsers.sql` and `0005_session_places.sql`. */
export interface BrowserSessionTable {
  id: string
  accountId: string
  userId: string
  /** Unknown while the session waits for a place. */
  instanceId: string | null
  status: SessionState
  /** Raised when the session's addresses are revoked. */
  generation: Generated<number>
  queuedUntil: Date | null
  /** Until when the call that waits for its place has said so; null when none does, or need not. Made by `migrations/0008_presence.sql`. */
  awaitedUntil: Generated<Date | null>
  egress: Json<{ allow?: string[]; deny?: string[] }> | null
  /** Made by `migrations/0024_session_tunnels.sql`. */
  tunnels: Json<SessionTunnel[]> | null
  /** The URL of its upstream proxy with the credentials, sealed. */
  proxySealed: Buffer | null
  recording: Json<RecordingWish> | null
  viewport: Json<{ width: number; height: number }>
  userAgent: string | null
  locale: string | null
  timezone: string | null
  timeoutSeconds: number
  /** Of commands that name none: what the user preferred when the session was made. */
  defaultTimeoutMs: number | null
  idleTimeoutSeconds: number
  metadata: Json<Record<string, string>>
  currentUrl: string | null
  currentTitle: string | null
  errorMessage: string | null
  endReason: EndReason | null
  wipe: Json<WipeCount> | null
  createdAt: Date
  startedAt: Date | null
  endedAt: Date | null
  lastActivityAt: Date
  expiresAt: Date
}

/** What was done in a browser, by whom and with what outcome. Never changed. */
export interface BrowserCommandTable {
  id: string
  sessionId: string
  accountId: string
  type: string
  params: Json<unknown>
  status: 'pending' | 'success' | 'error'
  result: Json<unknown> | null
  errorMessage: string | null
  actor: Json<Actor>
  startedAt: Date
  endedAt: Date | null
}

/** How far the reports of one node have been taken. */
export interface NodeReportTable {
  instanceId: string
  sequence: string
}

export type SessionRow = Selectable<BrowserSessionTable>
export type CommandRow = Selectable<BrowserCommandTable>

declare module '#kernel/db.ts' {
  interface Tables {
    browserSessions: BrowserSessionTable
    browserCommands: BrowserCommandTable
    nodeReports: NodeReportTable
  }
}
