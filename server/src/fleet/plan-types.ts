import type { DrainReason } from './states.ts'

/** The node of a machine, as the plan sees it. */
export interface NodeFact {
  goneSince: Date | null
  drainReason: DrainReason | null
  /** The node itself has told that it takes no new sessions: what it then counts is the whole truth. */
  knowsItDrains: boolean
  /** Since when it has told so, or was last let back. */
  drainingSince: Date | null
  sessions: number
  capacity: number
}

/** A machine that has not ended. */
export interface MachineFact {
  id: string
  status: 'provisioning' | 'running' | 'stopping' | 'error'
  /** Whether we have launched it: nothing else is ended, unless an operator asked for it. */
  managed: boolean
  pooled: boolean
  assigned: boolean
  /** Its own choice to end when it is idle. */
  terminateAfterIdleMinutes: number | null
  /** When it was launched, or last restarted. */
  startedAt: Date
  lastActivityAt: Date
  isUnhealthy: boolean
  node?: NodeFact
}

export interface Facts {
  machines: readonly MachineFact[]
  queued: number
  oldestQueuedSeconds: number
  lastScaleOutAt: Date | null
  lastScaleInAt: Date | null
  /** Launches of the pool that have failed since the last one that came to life, and when the last did. */
  failures: { count: number; lastAt: Date | null }
}

export type EndReason = 'dead' | 'never_joined' | 'drained' | 'surplus'

export type Action =
  | { kind: 'launch'; count: number }
  | { kind: 'drain'; id: string; reason: Extract<DrainReason, 'idle' | 'surplus' | 'leaving'> }
  | { kind: 'undrain'; id: string }
  | { kind: 'restart'; id: string }
  | { kind: 'terminate'; id: string; reason: EndReason }
