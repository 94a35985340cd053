import { isOurs, type RelayProvider, type RelayState } from './states.ts'
import type { RedundancySettings, ScalingSettings } from './schema.ts'

/** A relay that has not ended, or has gone by itself, as the plan sees it. */
export interface RelayFact {
  id: string
  provider: RelayProvider
  status: RelayState
  /** Since when it is that. */
  statusSince: Date
  drains: boolean
  /** When it was to have ended, if it is to end. */
  drainUntil: Date | null
  links: number
  streams: number
  maxConnections: number
  /** The mean of the last minutes; undefined of one that is new. */
  load: { cpu: number; delayMs: number } | undefined
}

export interface ScalingFacts {
  relays: readonly RelayFact[]
  lastScaleOutAt: Date | null
  lastScaleInAt: Date | null
}

export type RelayAction =
  | { kind: 'start'; reason: string }
  | { kind: 'undrain'; id: string; reason: string }
  | { kind: 'drain'; id: string; reason: string }
  | { kind: 'fail'; id: string; reason: string }
  | { kind: 'end'; id: string; reason: string }

export const JOIN_MS = 10 * 60_000
/** As long as its machine would take to boot: it may be restarting. */
const RETURN_MS = 10 * 60_000
/** Of one that was told to stop and cuts what it carries then: to say that it goes. */
const LEAVE_MS = 60_000
/** Of the sum that the others would then carry: below it one may go. */
const ROOM = 0.8

/**
 * What to do now so that there are as many relays as are needed: at most one comes or goes in a round. Those of the control plane and
 * those that came by themselves count, but are never drained; where scaling is off, only what is below the minimum is started. One of
 * ours that has failed, or gone, and does not come back is ended, and its machine with it; so is one that was told to stop and does not.
 */
export function planRelays(
  given: ScalingFacts,
  { scaling, redundancy }: { scaling: ScalingSettings; redundancy: RedundancySettings },
  now: Date,
): RelayAction[] {
  const late = given.relays.filter(
    ({ status, statusSince }) => status === 'starting' && isPast(statusSince, JOIN_MS, now),
  )
  const fails = late.map(({ id }): RelayAction => {
    return { kind: 'fail', id, reason: 'it did not join within 10 minutes' }
  })
  const ends = given.relays
    .filter((relay) => isLost(relay, now))
    .map(({ id }): RelayAction => {
      return { kind: 'end', id, reason: 'it did not come back within 10 minutes' }
    })
  const stuck = given.relays.filter((relay) => isStuck(relay, now))
  const facts = { ...given, relays: given.relays.filter((relay) => !stuck.includes(relay)) }
  const forced = stuck.map(({ id }): RelayAction => {
    return { kind: 'end', id, reason: 'it did not stop in time' }
  })
  const first = [...fails, ...ends, ...forced]
  const there = facts.relays.filter((relay) => isSupply(relay) && !late.includes(relay))
  const least = Math.max(redundancy.minimumRelays, scaling.enabled ? scaling.min : 0)
  if (there.length < least)
    return [...first, ...grow(facts, scaling, now, whyFew(there, least), there)]
  if (!scaling.enabled) return first
  const need = whyMore(there, scaling)
  if (need) return [...first, ...grow(facts, scaling, now, need, there)]
  return [...first, ...shrink(facts, scaling, now, there, least)]
}

function isLost({ provider, status, statusSince }: RelayFact, now: Date): boolean {
  const isAway = status === 'error' || status === 'stopped'
  return isOurs(provider) && isAway && isPast(statusSince, RETURN_MS, now)
}

/** It beats, and does not go although it was told to. */
function isStuck({ provider, status, drainUntil }: RelayFact, now: Date): boolean {
  if (provider === 'builtin' || status !== 'draining' || !drainUntil) return false
  return isPast(drainUntil, LEAVE_MS, now)
}

function isSupply({ status, drains }: RelayFact): boolean {
  return (status === 'running' || status === 'starting') && !drains
}

function whyFew(there: readonly RelayFact[], least: number): string {
  return `${there.length} of ${least} relays run`
}

/** Why one more is needed. Many idle connections alone are no reason: they cost memory, not time. */
function whyMore(there: readonly RelayFact[], scaling: ScalingSettings): string | undefined {
  const loads = there.flatMap(({ load }) => load ?? [])
  if (loads.length === 0) return undefined
  const cpu = mean(loads.map((load) => load.cpu))
  if (cpu > scaling.cpuHigh) return `the processors are at ${cpu.toFixed(2)} of a core on average`
  const delay = mean(loads.map((load) => load.delayMs))
  if (delay > scaling.delayHighMs) return `event loops are ${Math.round(delay)} ms late on average`
  const full = there.find(
    ({ streams, maxConnections }) => streams > scaling.connectionsHigh * maxConnections,
  )
  return full && `${full.id} has ${full.streams} of ${full.maxConnections} connections`
}

/** First one that was about to go; then a new one, as far as `max` and the cool-down allow. One that still starts is waited for. */
function grow(
  facts: ScalingFacts,
  scaling: ScalingSettings,
  now: Date,
  reason: string,
  there: readonly RelayFact[],
): RelayAction[] {
  const back = facts.relays.find(({ status, drains, provider }) => {
    return status === 'draining' && drains && isOurs(provider)
  })
  if (back) return [{ kind: 'undrain', id: back.id, reason }]
  if (there.some(({ status }) => status === 'starting')) return []
  const alive = facts.relays.filter(({ status }) => status !== 'stopped' && status !== 'error')
  if (alive.length >= scaling.max) return []
  if (!isPast(facts.lastScaleOutAt, scaling.scaleOutCooldownSeconds * 1000, now)) return []
  return [{ kind: 'start', reason }]
}

function shrink(
  facts: ScalingFacts,
  scaling: ScalingSettings,
  now: Date,
  there: readonly RelayFact[],
  least: number,
): RelayAction[] {
  if (there.length <= least) return []
  const cooldownMs = scaling.scaleInCooldownSeconds * 1000
  const isCalm =
    isPast(facts.lastScaleOutAt, cooldownMs, now) && isPast(facts.lastScaleInAt, cooldownMs, now)
  const loads = there.map(({ load }) => load)
  if (!isCalm || loads.includes(undefined)) return []
  const cpus = loads.map((load) => load!.cpu)
  const after = cpus.reduce((sum, cpu) => sum + cpu, 0) / (there.length - 1)
  const isIdle = mean(cpus) < scaling.cpuLow && after < ROOM * scaling.cpuHigh
  const isFast = loads.every((load) => load!.delayMs < scaling.delayHighMs / 2)
  const least_ = leastLoaded(there.filter(({ provider }) => isOurs(provider)))
  if (!isIdle || !isFast || !least_ || !fits(least_, there, scaling)) return []
  return [
    { kind: 'drain', id: least_.id, reason: `the processors are at ${mean(cpus).toFixed(2)}` },
  ]
}

/** Whether the others have room for what it has under way. */
function fits(
  { id, streams }: RelayFact,
  there: readonly RelayFact[],
  scaling: ScalingSettings,
): boolean {
  const others = there.filter((other) => other.id !== id)
  const free = others.map(
    (other) => ROOM * scaling.connectionsHigh * other.maxConnections - other.streams,
  )
  return free.reduce((sum, one) => sum + one, 0) >= streams
}

function leastLoaded(relays: readonly RelayFact[]): RelayFact | undefined {
  return relays.toSorted((a, b) => a.streams - b.streams || a.links - b.links)[0]
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function isPast(time: Date | null, forMs: number, now: Date): boolean {
  return time === null || now.getTime() - time.getTime() >= forMs
}
