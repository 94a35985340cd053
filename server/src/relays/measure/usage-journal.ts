import { randomBytes } from 'node:crypto'
import { LineFile } from '#kernel/line-file.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import type { RelayControl, UsageEntry } from '../control.ts'
import { type Entry, type Mark, readEntries } from './journal-lines.ts'
import type { Usage } from './meter.ts'
import type { Meters } from './meters.ts'
import { OpenEntries } from './open-entries.ts'

export interface UsageJournalOptions {
  /** Its file, of this process alone; `<path>.new` beside it is used too. */
  path: string
  meters: Pick<Meters, 'take'>
  control: Pick<RelayControl, 'reportUsage'>
  log: Logger
  /** How often what was counted is kept; a second unless given. */
  everyMs?: number
  /** Entries that wait at most; 50,000 unless given. */
  maxWaiting?: number
}

const EVERY_MS = 1_000
const MAX_WAITING = 50_000
const SENT_AT_ONCE = 500
const REPORT_MS = 30_000
const LAST_SEND_MS = 3_000
/** Lines that the file may have beyond what waits, before it is written anew. */
const IDLE_LINES = 10_000

/**
 * Keeps what was counted until the control plane has taken it: on disk once each second, and then sent. It outlives the process, not the
 * machine's loss of power.
 *
 * Nothing is counted twice: every process begins a journal under a new name, so that none of its sequences can come again, whatever
 * becomes of the file or the clock; and what was sent once never changes. What an earlier process left is sent as it was. An entry that
 * was not sent yet grows by what comes of the same minute, so an hour without the control plane costs no more than its minutes.
 */
export class UsageJournal implements AsyncDisposable {
  readonly #options: UsageJournalOptions
  readonly #name = randomBytes(12).toString('base64url')
  readonly #keeping: Ticker
  readonly #sending: Ticker
  readonly #file: LineFile
  readonly #open = new OpenEntries()
  /** The oldest first, those of earlier processes before ours. */
  #waiting: Entry[]
  #givenUp = 0
  /** Something waits that the disk did not take. */
  #isLacking = false
  #isClosed = false
  readonly #closing = Promise.withResolvers<never>()

  static async open(options: UsageJournalOptions): Promise<UsageJournal> {
    const { path, log } = options
    const waiting = readEntries(await LineFile.read(path))
    const file = await LineFile.open({ path, log, what: 'usage' }, waiting)
    return new UsageJournal(options, file, waiting)
  }

  private constructor(options: UsageJournalOptions, file: LineFile, waiting: Entry[]) {
    this.#options = options
    this.#file = file
    this.#waiting = waiting
    this.#closing.promise.catch(() => {})
    const { everyMs = EVERY_MS, log } = options
    this.#keeping = new Ticker({ name: 'keep usage', everyMs, log, work: () => this.keep() })
    this.#sending = new Ticker({ name: 'report usage', everyMs, log, work: () => this.#send() })
  }

  /** Entries that have not been taken yet, and those that were given up as there were too many. */
  get figures(): { waiting: number; givenUp: number } {
    return { waiting: this.#waiting.length, givenUp: this.#givenUp }
  }

  /** Why counts may be lost, or are; empty when they are not. */
  get faults(): string[] {
    const { givenUp } = this.figures
    return [
      ...(this.#isLacking ? ['The disk does not take what it has counted.'] : []),
      ...(givenUp > 0 ? [`${givenUp} counts were given up, since too many waited.`] : []),
    ]
  }

  start(): void {
    this.#sending.start()
    this.#keeping.start()
  }

  /** Writes down what was counted since the last time; resolves once it is on the disk, or the disk has refused it. */
  async keep(): Promise<void> {
    const counted = this.#options.meters.take()
    if (counted.length > 0) await this.#append(counted)
    const isWasteful = this.#file.lines > this.#waiting.length + IDLE_LINES
    if (isWasteful || (this.#isLacking && counted.length > 0)) {
      this.#isLacking = !(await this.#file.rewrite(() => this.#waiting))
    }
  }

  /** Keeps what was counted last, and tries for a moment to send it; what is not taken by then, the next process sends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeping[Symbol.asyncDispose]()
    await this.keep()
    const sent = this.#sending[Symbol.asyncDispose]().then(() => this.#send())
    await within(LAST_SEND_MS, sent).catch(() => {})
    this.#isClosed = true
    this.#closing.reject(new Error('the journal was closed'))
    await this.#file[Symbol.asyncDispose]()
  }

  async #append(counted: readonly Usage[]): Promise<void> {
    const { maxWaiting = MAX_WAITING } = this.#options
    // With the minutes of many tunnels waiting, hours have to do.
    const span = this.#waiting.length > maxWaiting / 5 ? 'hour' : 'minute'
    const lines = counted.map((usage) => this.#add(usage, span))
    this.#giveUp(this.#waiting.length - maxWaiting)
    if (!(await this.#file.append(lines))) this.#isLacking = true
    this.#sending.nudge()
  }

  #add(usage: Usage, span: 'minute' | 'hour'): Entry {
    const { entry, isNew } = this.#open.add(usage, span)
    const line = { journal: this.#name, entry }
    if (isNew) this.#waiting.push(line)
    return line
  }

  async #send(): Promise<void> {
    while (await this.#sendSome());
  }

  /** Whether some were taken, so that the next ones may be. */
  async #sendSome(): Promise<boolean> {
    const journal = this.#waiting[0]?.journal
    if (journal === undefined) return false
    const upTo = await this.#report(journal)
    const isTaken = (one: Entry) => one.journal === journal && one.entry.sequence <= upTo
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter((one) => !isTaken(one))
    if (this.#waiting.length === before) return false
    if (!this.#isClosed) void this.#file.append([{ journal, upTo } satisfies Mark])
    return true
  }

  /** @throws when the control plane does not take them in time */
  async #report(journal: string): Promise<number> {
    const entries = this.#next(journal)
    if (journal === this.#name) this.#open.close(entries.at(-1)!.sequence)
    let upTo = 0
    const reported = this.#options.control.reportUsage(journal, entries).then((reply) => {
      upTo = reply.upTo
    })
    const isInTime = await within(REPORT_MS, Promise.race([reported, this.#closing.promise]))
    if (!isInTime) throw new Error(`the control plane did not answer within ${REPORT_MS} ms`)
    // What was not sent cannot have been taken.
    return Math.min(upTo, entries.at(-1)!.sequence)
  }

  /** What was tried before goes alone: it would take the others with it, which may still grow. */
  #next(journal: string): UsageEntry[] {
    const ofJournal = this.#waiting.slice(0, SENT_AT_ONCE).filter((one) => one.journal === journal)
    const entries = ofJournal.map(({ entry }) => entry)
    if (journal !== this.#name || !this.#open.isClosed(entries[0]!)) return entries
    return entries.filter((entry) => this.#open.isClosed(entry))
  }

  #giveUp(count: number): void {
    if (count <= 0) return
    const lost = this.#waiting.splice(0, count)
    const { journal, entry } = lost.at(-1)!
    if (journal === this.#name) this.#open.close(entry.sequence)
    if (this.#givenUp === 0) {
      this.#options.log.error(
        { entries: count },
        'too much usage waits, and the oldest is given up',
      )
    }
    this.#givenUp += count
  }
}
