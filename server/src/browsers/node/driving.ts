import type { CallName } from './session-node.ts'

/** Calls that only look. */
const LOOKING: ReadonlySet<CallName> = new Set([
  'state',
  'screenshot',
  'pdf',
  'extract',
  'control',
  'downloads',
])

/** Whether a call is work in the session, which is not idle then: all but asking how it stands, as whoever watches over it does. */
export function isWork(name: CallName, input: unknown): boolean {
  if (name === 'control') return (input as { action: string }).action !== 'show'
  return name !== 'state' && name !== 'downloads'
}

/** Whether a call acts on the pages, which only the holder of the control lease may do while there is one. */
export function drives(name: CallName, input: unknown): boolean {
  // A script may do anything.
  if (name === 'wait') return (input as { function?: string } | undefined)?.function !== undefined
  if (LOOKING.has(name)) return false
  const action = (input as { action?: string } | undefined)?.action
  if (name === 'tabs') return action !== 'list'
  if (name === 'cookies') return action !== 'get'
  return true
}
