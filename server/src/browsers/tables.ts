import type { Selectable } from 'kysely'
import type { Actor } from '#kernel/context.ts'
import type { Json } from '#kernel/tables.ts'
import type { EndReason, SessionState } from './states.ts'

/** What an ended session left on the machine; all zero when it is clean. */
export interface WipeCount {
  processes: number
  directories: number
  sockets: number
}

/** One row per rented browser, kept after its end. Made by `migrations/0003_browsers.sql`. */
export interface BrowserSessionTable {
  id: string
  accountId: string
  userId: string
  instanceId: string
  status: SessionState
  viewport: Json<{ width: number; height: number }>
  userAgent: string | null
  locale: string | null
  timezone: string | null
  timeoutSeconds: number
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

export type SessionRow = Selectable<BrowserSessionTable>
export type CommandRow = Selectable<BrowserCommandTable>

declare module '#kernel/db.ts' {
  interface Tables {
    browserSessions: BrowserSessionTable
    browserCommands: BrowserCommandTable
  }
}
