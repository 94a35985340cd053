import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import { openIds } from '#kernel/ids.ts'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { type Entry, Journal } from './node/journal.ts'
import type { Report } from './node/session-node.ts'
import { sessionsToEnd } from './reconcile.ts'
import { takeReports } from './reports.ts'
import type { BrowserRuntime } from './runtime.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const ann = await app.person('ann')
const bob = await app.person('bob')
const system = app.app.systemContext()
const newId = openIds(systemClock)
const log = pino({ level: 'silent' })
const CLEAN = { processes: 0, directories: 0, sockets: 0 }
/** A process of the API that starts nothing itself. */
const runtime = {
  starting: new Set<string>(),
  nodes: { get: () => undefined },
  counting: new Set<string>(),
  settled() {},
  onPlace() {},
} as unknown as BrowserRuntime

interface Given {
  status?: 'starting' | 'active'
  ageSeconds?: number
}

/** A session as its row has it. */
async function addSession(person: Person, instanceId: string, given: Given = {}): Promise<string> {
  const { status = 'active', ageSeconds = 60 } = given
  const id = newId('ses')
  const at = new Date(Date.now() - ageSeconds * 1000)
  await system.db
    .insertInto('browserSessions')
    .values({
      ...{ id, instanceId, status, accountId: person.accountId, userId: person.userId },
      ...{ viewport: '{"width":800,"height":600}', metadata: '{}', idleTimeoutSeconds: 600 },
      ...{ timeoutSeconds: 600, createdAt: at, lastActivityAt: at },
      ...{ startedAt: status === 'active' ? at : null, expiresAt: new Date(+at + 600_000) },
    })
    .execute()
  return id
}

function rowOf(id: string) {
  return system.db
    .selectFrom('browserSessions')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

/** How often each host was announced as refused. */
async function announced(sessionId: string): Promise<Map<string, number>> {
  const rows = await system.db
    .selectFrom('events')
    .select('data')
    .where('kind', '=', 'session.request_refused')
    .orderBy('id')
    .execute()
  const counts = new Map<string, number>()
  for (const { data } of rows as { data: { id: string; host: string } }[]) {
    if (data.id === sessionId) counts.set(data.host, (counts.get(data.host) ?? 0) + 1)
  }
  return counts
}

const about = (person: Person, sessionId: string) => ({
  ...{ sessionId, accountId: person.accountId, atMs: Date.now() },
})

const refusal = (person: Person, sessionId: string, host: string, more = {}): Report => ({
  ...{ ...about(person, sessionId), kind: 'fact', name: 'session.request_refused' },
  facts: { host, port: 443, reason: 'private', ...more },
})

const end = (person: Person, sessionId: string, message?: string): Report => ({
  ...{ ...about(person, sessionId), kind: 'ended', reason: 'crashed', wipe: CLEAN },
  ...(message !== undefined && { message }),
})

/** What becomes of a delivery. */
const NETWORKS = ['up', 'down', 'answer lost', 'cut off in between', 'sent twice'] as const
type Network = (typeof NETWORKS)[number]

async function deliverOver(network: Network, instanceId: string, entries: readonly Entry[]) {
  const take = (some = entries) => takeReports(system, instanceId, some)
  if (network === 'down') throw new Error('no network')
  if (network === 'cut off in between') await take(entries.slice(0, Math.ceil(entries.length / 2)))
  else await Promise.all(network === 'sent twice' ? [take(), take()] : [take()])
  if (network === 'answer lost' || network === 'cut off in between') throw new Error('cut')
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ network: fc.constantFrom(...NETWORKS) }) },
  { weight: 2, arbitrary: fc.constant({ restart: true }) },
)

test('whatever happens to deliveries and to the node, each report is written down once', async () => {
  const check = async (steps: readonly object[]) => {
    const instanceId = newId('ins')
    const sessionId = await addSession(ann, instanceId)
    const path = temporaryPath('.jsonl')
    let network: Network = 'up'
    const open = async () => {
      const deliver = (entries: readonly Entry[]) => deliverOver(network, instanceId, entries)
      const journal = await Journal.open({ path, log, clock: systemClock, deliver })
      journal.start()
      return journal
    }
    let journal = await open()
    let appended = 0
    for (const one of steps as { append?: number; network?: Network; restart?: true }[]) {
      network = one.network ?? network
      for (let left = one.append ?? 0; left > 0; left--) {
        void journal.append(refusal(ann, sessionId, `${++appended}.example`))
      }
      if (!one.restart) continue
      await journal[Symbol.asyncDispose]()
      journal = await open()
    }
    network = 'up'
    await journal[Symbol.asyncDispose]()
    const counts = [...(await announced(sessionId)).values()]
    assert.deepEqual(counts, Array<number>(appended).fill(1))
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 14 }), check), { numRuns: 25 })
})

test('a report that cannot be written down keeps none back', async () => {
  const instanceId = newId('ins')
  const id = await addSession(ann, instanceId)
  const reports = [
    refusal(ann, id, 'first.example'),
    refusal(ann, id, 'nul\0.example'),
    { ...refusal(ann, id, 'odd.example'), facts: { host: 7 } } as Report,
    refusal(ann, id, 'last.example'),
    end(ann, id, 'ended with \0 and \ud800'),
  ]
  const entries = reports.map((report, index) => ({ sequence: index + 1, report }))
  await takeReports(system, instanceId, entries)
  await takeReports(system, instanceId, entries)
  assert.deepEqual(
    [...(await announced(id))],
    [
      ['first.example', 1],
      ['last.example', 1],
    ],
  )
  const { status, endReason, wipe, errorMessage } = await rowOf(id)
  assert.deepEqual([status, endReason, wipe], ['error', 'crashed', CLEAN])
  assert.equal(errorMessage, 'ended with  and \ufffd')
})

test('a node speaks for its own sessions only', async () => {
  const [mine, others] = [newId('ins'), newId('ins')]
  const ownId = await addSession(ann, mine)
  const foreign = await addSession(bob, others)
  const reports = [
    end(bob, foreign),
    { ...end(bob, foreign), accountId: ann.accountId },
    refusal(bob, foreign, 'forged.example'),
    // The same, by way of a session of its own.
    refusal(ann, ownId, 'forged.example', { id: foreign }),
  ]
  await takeReports(
    system,
    mine,
    reports.map((report, at) => ({ sequence: at + 1, report })),
  )
  assert.equal((await rowOf(foreign)).status, 'active')
  assert.equal((await announced(foreign)).size, 0)
  assert.deepEqual([...(await announced(ownId)).keys()], ['forged.example'])

  const unknown = newId('ses')
  const told = await sessionsToEnd(system, runtime, mine, [ownId, foreign, unknown])
  assert.deepEqual(told, [foreign, unknown], 'it learns nothing of what others host')
})

test('what a node no longer has is lost, but not what may have started after its beat left it', async () => {
  const instanceId = newId('ins')
  const old = await addSession(ann, instanceId)
  const young = await addSession(ann, instanceId, { ageSeconds: 0 })
  assert.deepEqual(await sessionsToEnd(system, runtime, instanceId, []), [])
  assert.equal((await rowOf(old)).endReason, 'lost')
  assert.equal((await rowOf(young)).status, 'active')
})

test('a start that its process did not live to finish is given up, and the machine told to end it', async () => {
  const instanceId = newId('ins')
  const fresh = await addSession(ann, instanceId, { status: 'starting', ageSeconds: 30 })
  const stale = await addSession(ann, instanceId, { status: 'starting', ageSeconds: 100 })
  const absent = await addSession(ann, instanceId, { status: 'starting', ageSeconds: 100 })
  const told = await sessionsToEnd(system, runtime, instanceId, [fresh, stale])
  assert.deepEqual(told, [stale])
  for (const id of [stale, absent]) assert.equal((await rowOf(id)).endReason, 'lost')
  assert.equal((await rowOf(fresh)).status, 'starting')
})

test('what a machine has wiped while nobody heard it is asked for with its beats, until it answers', async () => {
  const [instanceId, lost, late] = [newId('ins'), 20_000, 1_000]
  const ended = await Promise.all(
    [lost, lost, late].map(async (agoMs) => {
      const id = await addSession(ann, instanceId)
      const endedAt = new Date(Date.now() - agoMs)
      const closed = { status: 'closed', endReason: 'asked', endedAt } as const
      await system.db.updateTable('browserSessions').set(closed).where('id', '=', id).execute()
      return id
    }),
  )
  const [first, second, ending] = ended as [string, string, string]
  const asked: string[] = []
  let isHeard = false
  const node = {
    end: async (id: string) => {
      asked.push(id)
      if (!isHeard) throw new Error('not heard')
      return CLEAN
    },
  }
  const heard = {
    ...{ starting: new Set<string>(), counting: new Set<string>(), settled() {}, onPlace() {} },
    ...{ nodes: { get: () => node }, stopping: new AbortController().signal },
  } as unknown as BrowserRuntime
  const beat = () => sessionsToEnd(system, heard, instanceId, [])
  const isIdle = () => heard.counting.size === 0
  await Promise.all([beat(), beat()])
  await eventually('it has asked', isIdle)
  assert.equal(asked.length, 1, 'one that does not answer is asked once a beat')
  isHeard = true
  await beat()
  await eventually('it has asked again', isIdle)
  for (const id of [first, second]) assert.deepEqual((await rowOf(id)).wipe, CLEAN)
  assert.equal((await rowOf(ending)).wipe, null, 'what ends in order is left alone')
})
