import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '#kernel/problem.ts'
import { startApp } from '#test/app.ts'
import { beat, leave } from './beats.ts'
import { drainRelay, stopRelay, undrainRelay } from './changes.ts'
import { ensureBuiltin } from './builtin.ts'
import { relayJudge } from './judge.ts'
import { getRelay, isEnded } from './relays.ts'
import type { RelayRow } from './tables.ts'
import { idleFacts } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ctx = app.app.systemContext()
const { relayParts: parts } = app.app

/** A process that beats as one does: it drains when it is told to, and goes when it is to stop. */
class Beater {
  #sequence = 0
  epoch: number
  readonly id: string
  isDraining = false
  streams = 0

  constructor({ id, epoch }: RelayRow) {
    this.id = id
    this.epoch = epoch
  }

  async beat(leaving = false): Promise<void> {
    const { streams, isDraining } = this
    const facts = { ...idleFacts, streams, draining: isDraining || leaving }
    const told = { sequence: ++this.#sequence, facts, links: [], ...(leaving && { leaving }) }
    await beat(ctx, parts, this, told)
    const { drainReason, status } = await getRelay(ctx, this.id)
    this.isDraining = drainReason !== null || status === 'stopped'
  }

  /** That was sent before, and arrives now. */
  async lateBeat(): Promise<void> {
    const facts = { ...idleFacts, draining: false }
    await beat(ctx, parts, this, { sequence: Math.max(1, this.#sequence - 1), facts })
  }

  leave(): Promise<void> {
    return leave(ctx, parts, this, ++this.#sequence)
  }
}

async function silence(): Promise<void> {
  const clock = { ms: 0, now: () => new Date(), monotonicMs: () => clock.ms }
  const judge = relayJudge(clock, parts)
  for (; clock.ms <= 32_000; clock.ms += 8_000) await judge.look(ctx)
}

const OPERATIONS: Record<string, (relay: Beater) => Promise<unknown>> = {
  beats: (relay) => relay.beat(),
  'beats late': (relay) => relay.lateBeat(),
  'is busy': async (relay) => void (relay.streams = 3),
  'is idle': async (relay) => void (relay.streams = 0),
  'is about to go': (relay) => relay.beat(true),
  leaves: (relay) => relay.leave(),
  'is silent': () => silence(),
  'is drained': ({ id }) => drainRelay(ctx, parts, id, 'asked'),
  'is surplus': ({ id }) => drainRelay(ctx, parts, id, 'surplus'),
  'is let back': ({ id }) => undrainRelay(ctx, parts, id),
  'is stopped': ({ id }) => stopRelay(ctx, parts, id),
}

function assertConsistent(row: RelayRow, after: string): void {
  const { status, drainReason, drainUntil, goneAt, endedAt, provider } = row
  const said = `${after}: ${JSON.stringify({ status, drainReason, drainUntil, goneAt, endedAt })}`
  if (status === 'running') assert.equal(drainReason, null, said)
  if (status === 'draining') assert.notEqual(drainReason, null, said)
  assert.equal(goneAt !== null, status === 'error', said)
  if (provider !== 'builtin') assert.equal(endedAt !== null, status === 'stopped', said)
  assert.ok(drainUntil === null || ['stopping', 'surplus'].includes(drainReason ?? ''), said)
}

test('the status of a relay is consistent under any order of calls, crashes and beats', async () => {
  const operation = fc.constantFrom(...Object.keys(OPERATIONS))
  const runs = fc.asyncProperty(
    fc.boolean(),
    fc.array(operation, { minLength: 1, maxLength: 12 }),
    async (isBuiltin, operations) => {
      const id = ctx.newId('rel')
      const made = await ensureBuiltin(ctx, { id, name: 'x', version: '1' })
      const provider = isBuiltin ? 'builtin' : 'joined'
      const credentialHash = isBuiltin ? null : randomBytes(32)
      const member = { provider, credentialHash } as const
      await ctx.db.updateTable('relays').set(member).where('id', '=', id).execute()
      const relay = new Beater(made)
      let hasEnded = false
      for (const [n, name] of operations.entries()) {
        await OPERATIONS[name]!(relay).catch((error: unknown) => {
          if (!(error instanceof Problem)) throw error
        })
        const row = await getRelay(ctx, id)
        const after = operations.slice(0, n + 1).join(', ')
        assertConsistent(row, after)
        assert.ok(isEnded(row) || !hasEnded, `${after}: it is back although it was ended`)
        hasEnded = isEnded(row)
      }
    },
  )
  await fc.assert(runs, { numRuns: 25 })
})
