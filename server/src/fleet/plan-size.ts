import type { Action, Facts, MachineFact, NodeFact } from './plan-types.ts'
import type { PoolSettings } from './schema.ts'

const LONGEST_BACKOFF_MS = 15 * 60_000

interface Growth {
  facts: Facts
  settings: PoolSettings
  now: Date
  alive: readonly MachineFact[]
  pooled: readonly MachineFact[]
  supply: readonly MachineFact[]
  missing: number
}

/** First those that were about to go; then new ones, as far as `max`, the cool-down and the last failures allow. */
export function grow({ facts, settings, now, alive, pooled, supply, missing }: Growth): Action[] {
  const back = alive
    .filter(({ node }) => node && !node.goneSince && isOurDrain(node))
    .slice(0, missing)
    .map(({ id }): Action => ({ kind: 'undrain', id }))
  const exist = pooled.filter(hasMachine).length
  const count = Math.min(missing - back.length, settings.max - exist)
  if (count <= 0 || !mayLaunch(facts, settings, supply.length + back.length, now)) return back
  return [...back, { kind: 'launch', count }]
}

/** A launch that has failed for good has made no machine; it is only a row that says so. */
function hasMachine({ status }: MachineFact): boolean {
  return status !== 'error'
}

function isOurDrain({ drainReason }: NodeFact): boolean {
  return drainReason === 'idle' || drainReason === 'surplus'
}

/** Below `min` nobody waits for the cool-down; after failures the waits double. */
function mayLaunch(facts: Facts, settings: PoolSettings, there: number, now: Date): boolean {
  const { count, lastAt } = facts.failures
  const cooldownMs = settings.scaleOutCooldownSeconds * 1000
  const backoffMs = Math.min(LONGEST_BACKOFF_MS, Math.max(10_000, cooldownMs) * 2 ** (count - 1))
  if (count > 0 && !isPast(lastAt, backoffMs, now)) return false
  return there < settings.min || isPast(facts.lastScaleOutAt, cooldownMs, now)
}

interface Shrinking {
  facts: Facts
  settings: PoolSettings
  now: Date
  supply: readonly MachineFact[]
  wanted: number
}

export function shrink({ facts, settings, now, supply, wanted }: Shrinking): Action[] {
  const over = supply.length - settings.max
  const surplus = supply.length - wanted
  if (over > 0) return byLoad(supply).slice(0, over).map(removal)
  const cooldownMs = settings.scaleInCooldownSeconds * 1000
  const isCalm =
    facts.queued === 0 &&
    isPast(facts.lastScaleOutAt, cooldownMs, now) &&
    isPast(facts.lastScaleInAt, cooldownMs, now)
  if (surplus <= 0 || !isCalm) return []
  return byLoad(supply)
    .filter((machine) => isIdle(machine, settings.idleMinutes, now))
    .slice(0, surplus)
    .map(({ id }) => ({ kind: 'drain', id, reason: 'idle' }))
}

/** One that has not joined yet holds nothing; the others keep what they have and take nothing new. */
function removal(machine: MachineFact): Action {
  const { id, node } = machine
  if (!node) return { kind: 'terminate', id, reason: 'surplus' }
  return { kind: 'drain', id, reason: 'surplus' }
}

/** Those with the fewest sessions first, and of these the one that was idle longest. */
function byLoad(machines: readonly MachineFact[]): MachineFact[] {
  return machines.toSorted((a, b) => {
    const sessions = (a.node?.sessions ?? -1) - (b.node?.sessions ?? -1)
    return sessions || a.lastActivityAt.getTime() - b.lastActivityAt.getTime()
  })
}

export function isPast(time: Date | null, forMs: number, now: Date): boolean {
  return time === null || now.getTime() - time.getTime() >= forMs
}

export function isIdle(
  { status, node, lastActivityAt }: MachineFact,
  minutes: number,
  now: Date,
): boolean {
  if (status !== 'running' || !node || node.goneSince || node.sessions > 0) return false
  return isPast(lastActivityAt, minutes * 60_000, now)
}
