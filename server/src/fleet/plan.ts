import { grow, isIdle, isPast, shrink } from './plan-size.ts'
import type { Action, EndReason, Facts, MachineFact, NodeFact } from './plan-types.ts'
import type { PoolSettings } from './schema.ts'
import type { DrainReason } from './states.ts'

/** A node that has been silent for so long, on a machine of the pool, is not waited for any more. */
const GONE_MS = 2 * 60_000
/** A node that was let back has that long to hear of it. */
const LEAVING_MS = 60_000
/** Until a node has told how many sessions it takes. */
const USUAL_CAPACITY = 10

/**
 * What to do now so that the pool becomes what it should be. At most `max` machines of the pool exist, those that are ending
 * included; what is busy, assigned or not ours is never ended; a machine is drained before it goes, and comes back when it is needed
 * again before it has gone. A pool whose `max` is 0 is left as it is.
 */
export function plan(facts: Facts, settings: PoolSettings, now: Date): Action[] {
  const pooled = facts.machines.filter(isOfPool)
  const ends = facts.machines.flatMap((machine) => endOf(machine, settings, now) ?? [])
  const ending = new Set(ends.map(({ id }) => id))
  const alive = pooled.filter(({ id, status }) => !ending.has(id) && isAlive(status))
  const supply = alive.filter((machine) => serves(machine, settings, now))
  const idle = [...ends, ...restarts(facts, ending), ...idlers(facts, ending, now)]
  if (settings.max === 0) return idle
  const first = [...idle, ...leavers(alive, now)]
  const wanted = wantedMachines(facts, supply, settings)
  const missing = wanted - supply.length
  if (missing > 0)
    return [...first, ...grow({ facts, settings, now, alive, pooled, missing, supply })]
  return [...first, ...shrink({ facts, settings, now, supply, wanted })]
}

/** What is assigned to somebody is not the pool's any more. */
function isOfPool({ pooled, managed, assigned }: MachineFact): boolean {
  return pooled && managed && !assigned
}

function isAlive(status: MachineFact['status']): boolean {
  return status === 'provisioning' || status === 'running'
}

/** Why a machine has to end now, if it has to. */
function endOf(
  machine: MachineFact,
  settings: PoolSettings,
  now: Date,
): Extract<Action, { kind: 'terminate' }> | undefined {
  const { id, node } = machine
  if (machine.status === 'stopping') return undefined
  const end = (reason: EndReason) => ({ kind: 'terminate', id, reason }) as const
  const isAsked = node?.drainReason === 'ending'
  if (isDrained(machine) && (machine.managed || isAsked)) return end('drained')
  if (!isOfPool(machine) || settings.max === 0) return undefined
  if (machine.status === 'error') return isBusy(machine) ? undefined : end('dead')
  const bootMs = settings.bootMinutes * 60_000
  const since = now.getTime() - machine.startedAt.getTime()
  if (!node) return since >= bootMs ? end('never_joined') : undefined
  if (!node.goneSince || since < bootMs) return undefined
  const goneMs = now.getTime() - node.goneSince.getTime()
  return goneMs >= GONE_MS || machine.isUnhealthy ? end('dead') : undefined
}

/** An operator's drain ends nothing, and what restarts comes back. */
const LASTING: readonly (DrainReason | null)[] = [null, 'asked', 'restarting', 'rebooting']

/** It was drained by us or its provider, or so that it ends, and nothing is left on it. */
function isDrained({ node }: MachineFact): boolean {
  return node !== undefined && !LASTING.includes(node.drainReason) && isEmpty(node)
}

/** It knows that it drains and has no session left, or has left itself. */
function isEmpty({ goneSince, knowsItDrains, sessions }: NodeFact): boolean {
  return goneSince !== null || (knowsItDrains && sessions === 0)
}

/** Machines that were to restart as soon as their sessions have ended. */
function restarts({ machines }: Facts, ending: ReadonlySet<string>): Action[] {
  return machines
    .filter(({ id, status }) => status !== 'stopping' && !ending.has(id))
    .filter(({ node }) => node?.drainReason === 'restarting' && isEmpty(node))
    .map(({ id }) => ({ kind: 'restart', id }))
}

function isBusy({ node }: MachineFact): boolean {
  return node !== undefined && !node.goneSince && node.sessions > 0
}

/** Whether it counts as a machine that takes sessions, or soon will. */
function serves(machine: MachineFact, settings: PoolSettings, now: Date): boolean {
  const { node } = machine
  const since = now.getTime() - machine.startedAt.getTime()
  if (!node || node.goneSince) return since < settings.bootMinutes * 60_000
  return !node.drainReason && !node.knowsItDrains
}

function wantedMachines(
  { machines, queued, oldestQueuedSeconds }: Facts,
  supply: readonly MachineFact[],
  { min, max, spare, queueSeconds }: PoolSettings,
): number {
  const told = supply.flatMap(({ node }) => (node && node.capacity > 0 ? [node.capacity] : []))
  const sum = told.reduce((total, capacity) => total + capacity, 0)
  const each = told.length > 0 ? sum / told.length : USUAL_CAPACITY
  const inUse = supply.reduce((total, { node }) => total + (node?.sessions ?? 0), 0)
  const waiting = queued > 0 && oldestQueuedSeconds >= queueSeconds ? queued : 0
  const uncovered = Math.max(0, waiting - freeElsewhere(machines))
  const needed = Math.ceil((inUse + uncovered) / each)
  return Math.min(max, Math.max(min, needed + spare))
}

/** Places on machines that the pool does not own and that anybody may use. */
function freeElsewhere(machines: readonly MachineFact[]): number {
  return machines
    .filter(({ pooled, assigned, status }) => !pooled && !assigned && status === 'running')
    .flatMap(({ node }) => node ?? [])
    .filter(
      ({ goneSince, drainReason, knowsItDrains }) => !goneSince && !drainReason && !knowsItDrains,
    )
    .reduce((total, { capacity, sessions }) => total + Math.max(0, capacity - sessions), 0)
}

/** Nodes that drain although nobody asks them to: they are leaving, and their machines with them. */
function leavers(alive: readonly MachineFact[], now: Date): Action[] {
  return alive
    .filter(({ node }) => node?.knowsItDrains && !node.goneSince && !node.drainReason)
    .filter(({ node }) => isPast(node!.drainingSince, LEAVING_MS, now))
    .map(({ id }) => ({ kind: 'drain', id, reason: 'leaving' }))
}

/** Machines outside of the pool that were asked to end by themselves. */
function idlers({ machines }: Facts, ending: ReadonlySet<string>, now: Date): Action[] {
  return machines
    .filter(({ id, pooled, managed }) => managed && !pooled && !ending.has(id))
    .filter((machine) => {
      const minutes = machine.terminateAfterIdleMinutes
      return minutes !== null && !machine.node?.drainReason && isIdle(machine, minutes, now)
    })
    .map(({ id }) => ({ kind: 'drain', id, reason: 'idle' }))
}
