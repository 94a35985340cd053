import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import pino from 'pino'
import { LineFile } from '#kernel/line-file.ts'
import { Script, eventually, temporaryPath } from '#kernel/test-support.ts'
import type { UsageEntry } from '../control.ts'
import { readEntries } from './journal-lines.ts'
import { Receiver } from './test-support.ts'
import { UsageJournal } from './usage-journal.ts'

/** Of each report: taken and answered, taken and not answered, or not even taken. */
type Fate = 'answered' | 'unanswered' | 'untaken'

/** A control plane that listens, and whose answers get lost as it is told. */
class ReceivingServer {
  readonly receiver = new Receiver()
  fates: readonly Fate[] = []
  readonly #server = createServer(async (request, response) => {
    const fate = this.fates[this.receiver.calls % this.fates.length] ?? 'answered'
    const report = (await json(request)) as { journal: string; entries: UsageEntry[] }
    if (fate === 'untaken') this.receiver.calls++
    else {
      const reply = await this.receiver.reportUsage(report.journal, report.entries)
      if (fate === 'answered') return void response.end(JSON.stringify(reply))
    }
    request.socket.destroy()
  })

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }
}

/** Counts requests as fast as it can, and says so before; after it has kept them it says that too. */
const counting = (path: string, url: string) => `
  import { writeSync } from 'node:fs'
  const control = {
    reportUsage: async (journal, entries) => {
      const body = JSON.stringify({ journal, entries })
      return (await fetch('${url}', { method: 'POST', body })).json()
    },
  }
  const log = { warn() {}, error() {} }
  const meters = new Meters(systemClock)
  const meter = new Meter(meters, 'tun_a')
  const journal = await UsageJournal.open({ path: '${path}', meters, control, log, everyMs: 3_600_000 })
  journal.start()
  for (let n = 0; ; ) {
    writeSync(1, 'counted ' + (n += 7) + '\\n')
    for (let m = 0; m < 7; m++) meter.request('end_a', false, 1)
    await journal.keep()
    writeSync(1, 'kept ' + n + '\\n')
    await new Promise(setImmediate)
  }`

const modules = {
  Meters: '../relays/measure/meters.ts',
  Meter: '../relays/measure/meter.ts',
  UsageJournal: '../relays/measure/usage-journal.ts',
  systemClock: './clock.ts',
}

interface Killed {
  counted: number
  kept: number
}

async function countUntilKilled(path: string, url: string, afterMs: number): Promise<Killed> {
  using script = new Script(modules, counting(path, url))
  await once(script.child.stdout!, 'data')
  await sleep(afterMs)
  script.child.kill('SIGKILL')
  const said = [...(await script.output).matchAll(/(counted|kept) (\d+)\n/g)]
  const last = (what: string) => Number(said.findLast(([, word]) => word === what)?.[2] ?? 0)
  return { counted: last('counted'), kept: last('kept') }
}

test('a relay killed at any moment loses nothing that it had kept, and nothing is counted twice', async () => {
  const server = new ReceivingServer()
  const url = await server.listen()
  const log = pino({ level: 'silent' })
  const fate = fc.constantFrom<Fate>('answered', 'unanswered', 'untaken')
  const kills = fc.array(fc.nat(120), { minLength: 1, maxLength: 3 })

  await fc.assert(
    fc.asyncProperty(kills, fc.array(fate, { maxLength: 7 }), async (kills, fates) => {
      const path = temporaryPath('.jsonl')
      const before = server.receiver.total()
      const sums = { counted: 0, kept: 0 }
      for (const afterMs of kills) {
        server.fates = fates
        const { counted, kept } = await countUntilKilled(path, url, afterMs)
        sums.counted += counted
        sums.kept += kept
      }
      const onDisk = readEntries(await LineFile.read(path))
      server.fates = []
      const control = server.receiver
      {
        await using last = await UsageJournal.open({
          path,
          log,
          control,
          meters: { take: () => [] },
        })
        last.start()
        await eventually('all was taken', () => last.figures.waiting === 0)
      }
      const taken = server.receiver.total() - before
      assert.ok(taken >= sums.kept, `${taken} of ${sums.kept} that were kept`)
      assert.ok(taken <= sums.counted, `${taken} of ${sums.counted} that were counted`)
      for (const { journal, entry } of onDisk) {
        assert.ok(
          server.receiver.taken.has(`${journal} ${entry.sequence}`),
          'what was on disk was taken',
        )
      }
    }),
    { numRuns: 8, endOnFailure: true },
  )
})
