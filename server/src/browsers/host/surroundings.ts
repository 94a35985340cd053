import type { AddressGuard } from '#kernel/addresses.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Home } from '#kernel/home.ts'
import type { Logger } from '#kernel/log.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import type { Refusal } from './egress.ts'
import type { EgressRules } from './egress-rules.ts'
import type { Identity } from './identity.ts'
import type { Program } from './launch.ts'
import type { ProcessTables } from './process-tables.ts'
import type { OpenTunnel } from './session-tunnels.ts'
import type { Slot } from './slot.ts'
import type { SlotFiles } from './slot-file.ts'
import type { Ending } from './watch-exit.ts'

/** A browser that runs for a session. */
export interface HostedBrowser {
  sessionId: string
  /** Of Chromium's main process, which leads a session and a group of the same number. */
  pid: number
  /** `ws://127.0.0.1:…/devtools/browser/…` */
  endpoint: string
  /** When the session asked for it. */
  startedAt: Date
  identity: Identity
  /** Directories that belong to the browser's user and go when the browser does. */
  files: { uploads: string; downloads: string }
  /** Whether it ran already when the session asked for one. */
  warm: boolean
}

/** A browser that listens, whether or not a session has it. */
export interface RunningBrowser extends Pick<HostedBrowser, 'endpoint' | 'files'> {
  slotId: string
}

/** Facts about a session that its caller keeps beside its browser: plain JSON, 64 KiB at most, opaque here. */
export type Claim = Readonly<Record<string, unknown>>

/** A live browser of an earlier process, and what that process knew of its session. */
export interface Survivor extends HostedBrowser {
  claim: Claim
}

/** For whom a slot runs its browser. */
export interface Tenant {
  sessionId: string
  egress: EgressRules
  claim: Claim
}

/** What all slots of a host share. */
export interface Surroundings {
  home: Home
  user?: SystemUser
  chromium: Program
  guard: AddressGuard
  /** Opens the tunnels of sessions; without it there are none. */
  openTunnel?: OpenTunnel
  log: Logger
  clock: Clock
  sandbox: 'on' | 'off'
  files: SlotFiles
  tables: ProcessTables
  /** The leaders' pids of all slots. */
  leaders: () => Iterable<number>
  /** Whether a slot listens there. */
  isReserved: (port: number) => boolean
  /** A browser listens. What this returns is disposed of when it is lost, ended or let go of. */
  attend: (running: RunningBrowser) => Disposable
  /** A browser that ran has gone, and nobody had ended it. */
  onLost: (slot: Slot, ending: Ending) => void
  /** A browser was refused a destination. */
  onRefused: (slot: Slot, refusal: Refusal) => void
}
