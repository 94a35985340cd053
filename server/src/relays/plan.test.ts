import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planRelays, type RelayFact } from './plan.ts'
import { RedundancySettings, ScalingSettings } from './schema.ts'

const now = new Date('2026-11-22T12:00:00.000Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
const redundancy = RedundancySettings.parse({})
const scaling = ScalingSettings.parse({ enabled: true, min: 1, max: 3 })
let ids = 0

function relay(more: Partial<RelayFact> = {}): RelayFact {
  return {
    ...{ id: `rel_${++ids}`, provider: 'local', status: 'running', statusSince: ago(3_600) },
    ...{ drains: false, drainUntil: null, links: 10, streams: 5, maxConnections: 1_000 },
    ...{ load: { cpu: 0.4, delayMs: 12 }, ...more },
  }
}

function planned(
  relays: RelayFact[],
  more: { lastScaleOutAt?: Date; lastScaleInAt?: Date; off?: true; minimum?: number } = {},
) {
  const { lastScaleOutAt = null, lastScaleInAt = null, off, minimum = 0 } = more
  return planRelays(
    { relays, lastScaleOutAt, lastScaleInAt },
    {
      scaling: { ...scaling, enabled: !off },
      redundancy: { ...redundancy, minimumRelays: minimum },
    },
    now,
  ).map((action) => ('id' in action ? `${action.kind} ${action.id}` : action.kind))
}

const busy = { load: { cpu: 0.9, delayMs: 12 } }
const late = { load: { cpu: 0.1, delayMs: 400 } }
const idle = { load: { cpu: 0.05, delayMs: 3 } }

test('one is started for busy processors, late event loops or full relays, never for idle connections', () => {
  assert.deepEqual(planned([relay(busy)]), ['start'])
  assert.deepEqual(planned([relay(late)]), ['start'])
  assert.deepEqual(planned([relay({ streams: 900 })]), ['start'])
  assert.deepEqual(planned([relay({ links: 40_000 })]), [])
  assert.deepEqual(planned([relay({ load: undefined })]), [], 'nothing is known of it yet')
})

test('bounds, the cool-down and one that still starts hold back', () => {
  assert.deepEqual(planned([relay(busy), relay(busy), relay(busy)]), [])
  assert.deepEqual(planned([relay(busy)], { lastScaleOutAt: ago(10) }), [])
  assert.deepEqual(
    planned([relay(busy), relay({ status: 'starting', statusSince: ago(60), load: undefined })]),
    [],
  )
  assert.deepEqual(planned([relay(busy)], { off: true }), [])
})

test('one that was about to go comes back first', () => {
  const leaving = relay({ status: 'draining', drains: true })
  assert.deepEqual(planned([relay(busy), leaving]), [`undrain ${leaving.id}`])
})

test('the least loaded is drained when the others carry all with ease, and only those that we have started', () => {
  const [quiet, other] = [relay({ ...idle, streams: 0 }), relay(idle)]
  assert.deepEqual(planned([quiet, other]), [`drain ${quiet.id}`])
  assert.deepEqual(planned([quiet, other], { lastScaleInAt: ago(60) }), [])
  assert.deepEqual(planned([quiet]), [], 'below the minimum none goes')
  const foreign = [relay({ ...idle, provider: 'builtin' }), relay({ ...idle, provider: 'joined' })]
  assert.deepEqual(planned(foreign), [])
  const full = [relay({ ...idle, streams: 790 }), relay({ ...idle, streams: 795 })]
  assert.deepEqual(planned(full), [], 'the other has no room for what it carries')
})

test('below the minimum one is started, also where scaling is off; one that never joined has failed', () => {
  assert.deepEqual(planned([], { off: true, minimum: 1 }), ['start'])
  const lost = relay({ status: 'starting', statusSince: ago(1_200), load: undefined })
  assert.deepEqual(planned([lost], { off: true, minimum: 1 }), [`fail ${lost.id}`, 'start'])
})

test('one of ours that has failed or gone and does not come back is ended, those of others are not', () => {
  const away = { status: 'error', statusSince: ago(601), load: undefined } as const
  const [dead, left] = [relay(away), relay({ ...away, provider: 'ec2', status: 'stopped' })]
  const young = relay({ ...away, statusSince: ago(599) })
  const foreign = [relay({ ...away, provider: 'joined' }), relay({ ...away, provider: 'builtin' })]
  const ended = planned([relay(), dead, left, young, ...foreign], { off: true })
  assert.deepEqual(ended, [`end ${dead.id}`, `end ${left.id}`])
})

test('one that was told to stop and does not is ended a minute after its time, the control plane’s own is not', () => {
  const stuck = (seconds: number, more: Partial<RelayFact> = {}) =>
    relay({ status: 'draining', drains: true, drainUntil: ago(seconds), ...more })
  const [late, joined] = [stuck(61), stuck(61, { provider: 'joined' })]
  const others = [stuck(59), stuck(61, { provider: 'builtin' }), stuck(61, { drainUntil: null })]
  const ended = planned([relay(), late, joined, ...others], { off: true })
  assert.deepEqual(ended, [`end ${late.id}`, `end ${joined.id}`])
  const needed = planned([relay(busy), late])
  assert.deepEqual(needed, [`end ${late.id}`, 'start'], 'nor is it asked to come back')
})
