import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Context } from '#kernel/context.ts'
import { openTestKernel, type TestKernel } from '#kernel/test-kernel.ts'
import { TestClock } from '#test/clock.ts'
import { cloneDatabase } from '#test/database.ts'
import type { UsageEntry } from './entry.ts'
import { foldUsage } from './fold.ts'
import { LATENCY_COUNTS } from './latency.ts'
import { renewSpecs } from './renew.ts'
import { takeUsage } from './take.ts'
import { addRelay, addTunnel } from './test-support.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const { address } = stack.use(await cloneDatabase())
const clock = new TestClock()
const noParts = () => assert.fail('no specs are renewed here')
/** Two processes of the API. */
const kernels: [TestKernel, TestKernel] = [
  stack.use(await openTestKernel({ address, clock, jobs: [renewSpecs(noParts)] })),
  stack.use(await openTestKernel({ address, clock, jobs: [renewSpecs(noParts)] })),
]

const JOURNALS = ['one', 'two'] as const
let runs = 0
const HOUR_MS = 60 * 60 * 1000

/** What a relay has counted; its sequence is its place. */
const counted = fc.record({
  journal: fc.constantFrom(...JOURNALS),
  tunnel: fc.nat({ max: 2 }),
  endpoint: fc.constantFrom(0, 1, undefined),
  minutesAgo: fc.nat({ max: 6 * 24 * 60 }),
  requests: fc.nat({ max: 1_000 }),
  failures: fc.nat({ max: 10 }),
  bytesIn: fc.nat({ max: 2 ** 40 }),
  bytesOut: fc.nat({ max: 2 ** 40 }),
  latency: fc.array(fc.nat({ max: 100 }), { minLength: LATENCY_COUNTS, maxLength: LATENCY_COUNTS }),
})

/** Which entries are sent together, by whom they are taken, and what becomes of the transaction. */
const report = fc.record({
  places: fc.array(fc.nat({ max: 19 }), { minLength: 1, maxLength: 8 }),
  process: fc.constantFrom(0, 1),
  /** What one has left on its disk is sent by the next one there, perhaps once more. */
  relay: fc.constantFrom(0, 1),
  fate: fc.constantFrom(
    'taken',
    'taken',
    'crashes',
    'answer lost',
    'beside the next',
    'fold first',
  ),
})

test('each entry counts once, in whatever order, however often, by whichever relay, and whatever crashes', async () => {
  const all = fc.array(counted, { minLength: 20, maxLength: 20 })
  const reports = fc.array(report, { minLength: 5, maxLength: 20 })
  await fc.assert(fc.asyncProperty(all, reports, run), { numRuns: 25, endOnFailure: true })
})

type Counted = typeof counted extends fc.Arbitrary<infer Of> ? Of : never
type Report = typeof report extends fc.Arbitrary<infer Of> ? Of : never

async function run(all: Counted[], reports: Report[]): Promise<void> {
  const run = ++runs
  const relayIds = [await addRelay(kernels[0]), await addRelay(kernels[0])]
  const first = await addTunnel(kernels[0])
  const { accountId } = first
  const deleted = await addTunnel(kernels[0], { accountId, deleted: true })
  const tunnels = [first, deleted, await addTunnel(kernels[0])]
  const entries = all.map((one, place) => entryOf(one, place + 1))
  const taken = new Set<number>()
  const beside: Promise<unknown>[] = []
  for (const { places, process, relay, fate } of reports) {
    const { ctx } = kernels[process]
    if (fate === 'fold first') await Promise.all(kernels.map(({ ctx }) => foldUsage(ctx)))
    const work = send(ctx, relayIds[relay]!, places, fate === 'crashes')
    if (fate === 'crashes') {
      await assert.rejects(work, /crash/)
      continue
    }
    for (const place of places) taken.add(place)
    if (fate === 'beside the next') beside.push(work)
    else await work
  }
  await Promise.all(beside)
  await check()
  clock.advance(3 * 24 * HOUR_MS)
  await Promise.all(kernels.map(({ ctx }) => foldUsage(ctx)))
  await check()

  function entryOf({ tunnel, endpoint, minutesAgo, ...counts }: Counted, sequence: number) {
    const { id: tunnelId, endpointIds } = tunnels[tunnel]!
    const minute = new Date(clock.now().getTime() - minutesAgo * 60_000).toISOString()
    const endpointId = endpoint === undefined ? undefined : endpointIds[endpoint]
    const { requests, failures, bytesIn, bytesOut, latency } = counts
    const counted = { requests, failures, connections: 1, bytesIn, bytesOut, latency }
    return { ...counted, sequence, tunnelId, endpointId, minute }
  }

  /** One report for each journal. */
  async function send(
    ctx: Context,
    relayId: string,
    places: number[],
    crashes: boolean,
  ): Promise<void> {
    const byJournal = Map.groupBy(places, (place) => all[place]!.journal)
    await ctx.transaction(async (ctx) => {
      for (const [journal, of] of [...byJournal].toSorted()) {
        const sent = of.map((place) => entries[place]!)
        const { upTo } = await takeUsage(ctx, relayId, `${journal}-${run}`, sent)
        assert.equal(upTo, Math.max(...sent.map(({ sequence }) => sequence)))
      }
      if (crashes) throw new Error('crash')
    })
  }

  async function check(): Promise<void> {
    const distinct = [...taken].map((place) => entries[place]!)
    for (const { id } of tunnels) {
      const own = distinct.filter(({ tunnelId }) => tunnelId === id)
      assert.deepEqual(await storedSpans(id), sum(own))
      assert.deepEqual(await storedMonths(id), months(own))
    }
    const bytes = (await storedQuotas()).reduce((total, one) => total + Number(one), 0)
    const mine = distinct.reduce((total, { bytesIn, bytesOut }) => total + bytesIn + bytesOut, 0)
    assert.equal(bytes, mine)
  }

  async function storedQuotas(): Promise<string[]> {
    const accounts = [...new Set(tunnels.map((tunnel) => tunnel.accountId))]
    const rows = await kernels[0].db
      .selectFrom('tunnelQuotas')
      .select('bytes')
      .where('accountId', 'in', accounts)
      .execute()
    return rows.map((row) => row.bytes)
  }
}

interface Sum {
  requests: number
  failures: number
  connections: number
  bytesIn: number
  bytesOut: number
  latency: number[]
}

function sum(entries: readonly Omit<UsageEntry, 'minute'>[]): Record<string, Sum> {
  const byEndpoint = Map.groupBy(entries, ({ endpointId }) => endpointId ?? '')
  return Object.fromEntries(
    [...byEndpoint].toSorted().map(([endpointId, of]) => [
      endpointId,
      {
        requests: total(of, 'requests'),
        failures: total(of, 'failures'),
        connections: total(of, 'connections'),
        bytesIn: total(of, 'bytesIn'),
        bytesOut: total(of, 'bytesOut'),
        latency: Array.from({ length: LATENCY_COUNTS }, (_, at) =>
          of.reduce((sum, { latency }) => sum + latency[at]!, 0),
        ),
      },
    ]),
  )
}

function total(
  entries: readonly Omit<UsageEntry, 'minute'>[],
  of: 'requests' | 'failures' | 'connections' | 'bytesIn' | 'bytesOut',
): number {
  return entries.reduce((sum, entry) => sum + entry[of], 0)
}

function months(entries: readonly UsageEntry[]): Record<string, number> {
  const byMonth = Map.groupBy(entries, ({ minute }) => minute.slice(0, 7))
  return Object.fromEntries(
    [...byMonth].toSorted().map(([month, of]) => [month, total(of, 'bytesOut')]),
  )
}

async function storedSpans(tunnelId: string): Promise<Record<string, Sum>> {
  const rows = await kernels[0].db
    .selectFrom('tunnelUsage')
    .selectAll()
    .where('tunnelId', '=', tunnelId)
    .execute()
  return sum(
    rows.map((row) => ({
      ...{ tunnelId, endpointId: row.endpointId, sequence: 0 },
      ...{ requests: Number(row.requests), failures: Number(row.failures) },
      ...{ bytesIn: Number(row.bytesIn), bytesOut: Number(row.bytesOut) },
      connections: Number(row.connections),
      latency: row.latency.map(Number),
    })),
  )
}

async function storedMonths(tunnelId: string): Promise<Record<string, number>> {
  const rows = await kernels[0].db
    .selectFrom('tunnelUsagePeriods')
    .selectAll()
    .where('tunnelId', '=', tunnelId)
    .orderBy('period')
    .execute()
  return Object.fromEntries(rows.map(({ period, bytesOut }) => [period, Number(bytesOut)]))
}
