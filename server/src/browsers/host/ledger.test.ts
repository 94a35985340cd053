import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ledger, LedgerRefusal, type SlotCounts, type SlotState } from './ledger.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const id = fc.constantFrom(...IDS)
const alone = (name: StepName) => fc.record({ name: fc.constant(name), id })

type StepName = Exclude<keyof typeof allowed, 'replace'>
type Step = { name: StepName; id: string } | { name: 'replace'; id: string; heir: string }
type AnyStep = Step | { name: 'drain' } | { name: 'setMax'; max: number }

const step: fc.Arbitrary<AnyStep> = fc.oneof(
  ...(['warm', 'begin', 'adopt', 'ready', 'claim', 'settle', 'end', 'free', 'forgo'] as const).map(
    (name) => ({ weight: name === 'free' ? 6 : 4, arbitrary: alone(name) }),
  ),
  { weight: 4, arbitrary: fc.record({ name: fc.constant('replace' as const), id, heir: id }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('drain' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ name: fc.constant('setMax' as const), max: fc.nat({ max: 5 }) }),
  },
)

/** What the ledger is to be: a row of places, some of them held, and who waits for which. */
interface Model {
  max: number
  draining: boolean
  held: { id: string; state: SlotState; heir?: string }[]
}

const stateIn = (model: Model, id: string) => model.held.find((one) => one.id === id)?.state
const isNew = (model: Model, id: string) =>
  !model.held.some((one) => one.id === id || one.heir === id)
const hasRoom = (model: Model, id: string) => isNew(model, id) && model.held.length < model.max
const isIn = (...states: SlotState[]) => {
  return (model: Model, id: string) => states.some((state) => stateIn(model, id) === state)
}

const allowed = {
  warm: (model: Model, id: string) => !model.draining && hasRoom(model, id),
  begin: (model: Model, id: string) => !model.draining && hasRoom(model, id),
  adopt: hasRoom,
  ready: isIn('warming'),
  claim: (model: Model, id: string) => !model.draining && isIn('warming', 'ready')(model, id),
  settle: isIn('claiming'),
  end: isIn('warming', 'ready', 'claiming', 'claimed'),
  free: isIn('ending'),
  forgo: (model: Model, id: string) => model.held.some(({ heir }) => heir === id),
  replace: (model: Model, id: string, heir: string) =>
    !model.draining &&
    isNew(model, heir) &&
    isIn('warming', 'ready')(model, id) &&
    model.held.length <= model.max,
}

const RESULT = {
  warm: 'warming',
  begin: 'claiming',
  adopt: 'claimed',
  ready: 'ready',
  claim: 'claiming',
  settle: 'claimed',
  end: 'ending',
} as const

test('every step that is allowed has its effect, and any other changes nothing', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4 }), fc.array(step, { maxLength: 120 }), (max, steps) => {
      const ledger = new Ledger(max)
      const model: Model = { max, draining: false, held: [] }
      for (const one of steps) {
        const before = ledger.size
        take(ledger, model, one)
        assert.deepEqual(seen(ledger), expected(model))
        assert.ok(ledger.size <= Math.max(before, ledger.max), 'more slots than places')
      }
    }),
    { numRuns: 2_000 },
  )
})

test('whatever has happened, once all have ended and are freed every place is free', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const ledger = new Ledger(4)
      const model: Model = { max: 4, draining: false, held: [] }
      for (const one of steps) take(ledger, model, one)
      // Heirs come to places of their own as others are freed.
      for (let round = 0; round <= IDS.length; round++) {
        for (const id of IDS) {
          const state = ledger.state(id)
          if (state !== undefined && state !== 'ending') ledger.end(id)
          if (state !== undefined) ledger.free(id)
        }
      }
      assert.deepEqual(
        seen(ledger).states,
        IDS.map(() => undefined),
      )
      assert.equal(ledger.size, 0)
    }),
  )
})

test('a slot is spent once, however often it is claimed', () => {
  const ledger = new Ledger(1)
  ledger.warm('a')
  ledger.ready('a')
  ledger.claim('a')
  assert.throws(() => ledger.claim('a'), LedgerRefusal)
  ledger.settle('a')
  assert.throws(() => ledger.claim('a'), /a is claimed and cannot be claiming/)
})

test('the place of a slot that is replaced goes to its heir, and to nobody else', () => {
  const ledger = new Ledger(1)
  ledger.warm('idle')
  ledger.replace('idle', 'heir')
  assert.throws(() => ledger.begin('other'), /all 1 places are taken/)
  ledger.free('idle')
  assert.equal(ledger.state('heir'), 'claiming')
  assert.throws(() => ledger.begin('other'), /all 1 places are taken/)
})

test('with more slots than places none is replaced', () => {
  const ledger = new Ledger(2)
  for (const id of ['idle', 'busy']) ledger.warm(id)
  ledger.max = 1
  assert.throws(() => ledger.replace('idle', 'heir'), /more slots than places/)
  assert.equal(ledger.state('idle'), 'warming')
})

function take(ledger: Ledger, model: Model, step: AnyStep): void {
  if (step.name === 'drain') {
    ledger.drain()
    model.draining = true
  } else if (step.name === 'setMax') {
    ledger.max = model.max = step.max
  } else if (isAllowed(model, step)) {
    perform(ledger, step)
    imitate(model, step)
  } else {
    assert.throws(() => perform(ledger, step), LedgerRefusal)
  }
}

function isAllowed(model: Model, step: Step): boolean {
  if (step.name === 'replace') return allowed.replace(model, step.id, step.heir)
  return allowed[step.name](model, step.id)
}

function perform(ledger: Ledger, step: Step): void {
  if (step.name === 'replace') ledger.replace(step.id, step.heir)
  else ledger[step.name](step.id)
}

function imitate(model: Model, step: Step): void {
  const at = model.held.findIndex((one) => one.id === step.id)
  if (step.name === 'replace') {
    model.held[at] = { id: step.id, state: 'ending', heir: step.heir }
  } else if (step.name === 'forgo') {
    for (const one of model.held) if (one.heir === step.id) delete one.heir
  } else if (step.name === 'free') {
    const { heir } = model.held[at]!
    // In its very place.
    model.held.splice(at, 1, ...(heir === undefined ? [] : [claiming(heir)]))
  } else if (at === -1) {
    model.held.push({ id: step.id, state: RESULT[step.name] })
  } else {
    model.held[at]!.state = RESULT[step.name]
  }
}

function claiming(id: string) {
  return { id, state: 'claiming' as const }
}

function seen(ledger: Ledger) {
  const { size, counts, max, draining, hasRoom } = ledger
  const waiting = IDS.filter((id) => ledger.isWaiting(id))
  return {
    size,
    counts,
    max,
    draining,
    hasRoom,
    waiting,
    states: IDS.map((id) => ledger.state(id)),
  }
}

function expected({ max, draining, held }: Model): ReturnType<typeof seen> {
  const counts: SlotCounts = { warming: 0, ready: 0, claiming: 0, claimed: 0, ending: 0 }
  for (const { state } of held) counts[state] += 1
  const heirs = held.map(({ heir }) => heir)
  return {
    ...{ size: held.length, counts, max, draining, hasRoom: held.length < max },
    waiting: IDS.filter((id) => heirs.includes(id)),
    states: IDS.map((id) => held.find((one) => one.id === id)?.state),
  }
}
