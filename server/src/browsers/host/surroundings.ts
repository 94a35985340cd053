import type { AddressGuard } from '#kernel/addresses.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Home } from '#kernel/home.ts'
import type { Logger } from '#kernel/log.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import type { Identity } from './identity.ts'
import type { Program } from './launch.ts'
import type { SlotFiles } from './slot-file.ts'
import type { Ending } from './watch-exit.ts'

export interface HostedBrowser {
  sessionId: string
  /** Of Chromium's main process, which leads a session and a group of the same number. */
  pid: number
  /** `ws://127.0.0.1:…/devtools/browser/…` */
  endpoint: string
  startedAt: Date
  identity: Identity
}

/** What all slots of a host share. */
export interface Surroundings {
  home: Home
  user?: SystemUser
  chromium: Program
  guard: AddressGuard
  log: Logger
  clock: Clock
  sandbox: 'on' | 'off'
  files: SlotFiles
  /** The leaders' pids of all slots. */
  leaders: () => Iterable<number>
  /** Whether a slot listens there. */
  isReserved: (port: number) => boolean
  onLost: (sessionId: string, ending: Ending) => void
}
