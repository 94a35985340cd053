import { uptime } from 'node:os'
import type { Survivor } from '../host/host.ts'
import type { EndReason } from '../states.ts'

/** Why a session of an earlier process has no browser in this one. */
export function explainGone(
  { startedAt }: Pick<Survivor, 'startedAt'>,
  { nowMs, lives }: { nowMs: number; lives: boolean },
): { reason: EndReason; message: string } {
  if (lives) return { reason: 'lost', message: 'its browser could not be taken over' }
  if (startedAt.getTime() < nowMs - uptime() * 1000) {
    return { reason: 'lost', message: 'the machine was restarted' }
  }
  return { reason: 'crashed', message: 'the browser ended while its node was not running' }
}
