import type { ControlLease, ControlState, Holder } from '../control/lease.ts'
import { problems } from '../problems.ts'

/** What is asked of the control lease of a session. */
export type Control =
  | { action: 'show' }
  | { action: 'request'; seconds: number; reason?: string; force?: boolean }
  | { action: 'return'; to?: Holder }

export interface ControlAnswer extends ControlState {
  /** What came of it for the one who asked. */
  outcome?: 'granted' | 'waiting' | 'returned' | 'withdrawn'
}

/** @throws problem `session.control_queue_full` or `session.not_in_control` */
export function control(lease: ControlLease, input: Control, holder: Holder): ControlAnswer {
  const outcome = input.action === 'show' ? undefined : change(lease, input, holder)
  return { ...lease.state, ...(outcome && { outcome }) }
}

function change(lease: ControlLease, input: Exclude<Control, { action: 'show' }>, holder: Holder) {
  if (input.action === 'request') {
    const { seconds, reason, force } = input
    const outcome = lease.request(holder, { seconds, force, ...(reason && { reason }) })
    if (outcome === 'full') throw problems.controlQueueFull()
    return outcome
  }
  if (input.to) {
    if (lease.offer(holder, input.to) === 'refused') throw problems.notInControl()
    return 'returned' as const
  }
  const outcome = lease.return(holder)
  if (!outcome) throw problems.notInControl()
  return outcome
}
