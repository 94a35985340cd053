import type { AdmissionOptions } from './admission.ts'
import type { Refusal } from './egress.ts'
import type { EgressRules } from './egress-rules.ts'
import type { Identity } from './identity.ts'
import type { LimitTimes, SessionLimits } from './limits.ts'
import type { Claim, RunningBrowser, Surroundings } from './surroundings.ts'
import type { PoolSettings, PoolTimes } from './warm-pool.ts'
import type { Ending } from './watch-exit.ts'

export interface BrowserHostOptions extends Pick<
  Surroundings,
  'home' | 'user' | 'chromium' | 'guard' | 'openTunnel' | 'log' | 'clock' | 'sandbox'
> {
  /** Until `setPool` says otherwise. */
  maxBrowsers: number
  /** What warm browsers look like to pages; 1280 × 720 and nothing else when absent. */
  warmIdentity?: Identity
  admission?: Partial<AdmissionOptions>
  limits?: Partial<SessionLimits>
  times?: Partial<PoolTimes & LimitTimes>
}

export interface LaunchOptions {
  signal?: AbortSignal
  /** Where the browser may go; every public address when absent. */
  egress?: EgressRules
  /** Kept beside the browser for whoever adopts it; see `keepClaim`. */
  claim?: Claim
}

/** `memory` and `disk`: it took more than one session may, and was killed for that. */
export type LostReason = Ending['reason']

export type LostListener = (sessionId: string, reason: LostReason, detail: string) => void
export type RunningListener = (running: RunningBrowser) => Disposable
export type RefusedListener = (sessionId: string, refusal: Refusal) => void

export interface HostFacts {
  /** Sessions that would get a browser if they asked now. */
  free: number
  /** Places for browsers, whatever they are used for. */
  max: number
  /** Browsers of sessions. */
  claimed: number
  /** Browsers that sessions are waiting for. */
  claiming: number
  ready: number
  warming: number
  ending: number
  draining: boolean
  pool: PoolSettings
  memoryAvailableBytes: number
  /** Processes that run or want to, over the last minute. */
  load: number
  cores: number
}
