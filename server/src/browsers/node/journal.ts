import type { Clock } from '#kernel/clock.ts'
import { LineFile } from '#kernel/line-file.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { Report } from './session-node.ts'

/** A report with its place in the order of its node; the place never comes again, across restarts too. */
export interface Entry {
  sequence: number
  report: Report
}

export interface JournalOptions {
  /** Its file; `<path>.new` beside it is used too. */
  path: string
  clock: Clock
  log: Logger
  /** Takes entries in their order; the same ones again after a failure. */
  deliver(entries: readonly Entry[]): Promise<void>
  /** Entries that wait at most; 10,000 unless given. */
  maxWaiting?: number
}

/** The end of a session, with when it has been taken or given up. */
interface Inherited {
  report: Extract<Report, { kind: 'ended' }>
  taken: Promise<void>
}

/** Everything up to this place has been delivered or given up. */
interface Mark {
  upTo: number
}

const MAX_WAITING = 10_000
const DELIVERED_AT_ONCE = 100
const TRY_AGAIN_MS = 1_000
/** Lines that the file may have beyond what waits, before it is written anew. */
const IDLE_LINES = 1_000

/**
 * What a node has to tell, kept on its disk until somebody has taken it. It outlives the process, not the machine's loss of power.
 * When too much waits, facts go before ends of sessions, the oldest first; an end that was given up is found out by what the node
 * still has.
 */
export class Journal implements AsyncDisposable {
  readonly #options: JournalOptions
  readonly #sending: Ticker
  readonly #taken = new Map<number, () => void>()
  #inherited: Inherited[]
  readonly #file: LineFile
  #waiting: Entry[]
  #last: number
  #givenUp = 0

  static async open(options: JournalOptions): Promise<Journal> {
    const { path, log } = options
    const { last, waiting } = readLines(await LineFile.read(path))
    // By the clock too: the file may be that of an older copy of this machine.
    const next = Math.max(last, options.clock.now().getTime() * 1000)
    const file = await LineFile.open({ path, log, what: 'reports' }, linesOf(next, waiting))
    return new Journal(options, file, waiting, next)
  }

  private constructor(options: JournalOptions, file: LineFile, waiting: Entry[], last: number) {
    this.#options = options
    this.#file = file
    this.#waiting = waiting
    this.#last = last
    this.#inherited = waiting.flatMap(({ sequence, report }) => {
      return report.kind === 'ended' ? [{ report, taken: this.#whenTaken(sequence) }] : []
    })
    this.#sending = new Ticker({
      ...{ name: 'deliver reports', everyMs: TRY_AGAIN_MS, log: options.log },
      work: () => this.#send(),
    })
  }

  /** How many entries have not been taken yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** The ends of sessions that an earlier process has left to tell. They are handed out once, and not kept any longer. */
  takeInherited(): readonly Inherited[] {
    const inherited = this.#inherited
    this.#inherited = []
    return inherited
  }

  /** From now on it delivers, what an earlier process left first. */
  start(): void {
    this.#sending.start()
  }

  /** Returns once the report has been taken or given up, however long that takes. */
  append(report: Report): Promise<void> {
    const entry = { sequence: ++this.#last, report }
    this.#waiting.push(entry)
    const taken = this.#whenTaken(entry.sequence)
    void this.#file.append([entry])
    this.#giveUpSome()
    this.#tidy()
    this.#sending.nudge()
    return taken
  }

  /** Tries once more to deliver what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sending[Symbol.asyncDispose]()
    await this.#send().catch(() => {})
    await this.#file[Symbol.asyncDispose]()
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.slice(0, DELIVERED_AT_ONCE)
      await this.#options.deliver(entries)
      const upTo = entries.at(-1)!.sequence
      this.#waiting = this.#waiting.filter(({ sequence }) => sequence > upTo)
      for (const { sequence } of entries) this.#settle(sequence)
      void this.#file.append([{ upTo } satisfies Mark])
    }
    this.#tidy()
  }

  #giveUpSome(): void {
    if (this.#waiting.length <= (this.#options.maxWaiting ?? MAX_WAITING)) return
    const fact = this.#waiting.findIndex(({ report }) => report.kind === 'fact')
    const [dropped] = this.#waiting.splice(Math.max(0, fact), 1)
    this.#settle(dropped!.sequence)
    if (this.#givenUp++ === 0) {
      this.#options.log.error({}, 'too many reports wait, and the oldest are given up')
    }
  }

  #whenTaken(sequence: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#taken.set(sequence, resolve)
    return promise
  }

  #settle(sequence: number): void {
    this.#taken.get(sequence)?.()
    this.#taken.delete(sequence)
  }

  /** Writes the file anew when most of it is of no use. What comes meanwhile is in it, and its own line behind it does no harm. */
  #tidy(): void {
    if (this.#file.lines <= this.#waiting.length + IDLE_LINES) return
    void this.#file.rewrite(() => linesOf(this.#last, this.#waiting))
  }
}

/** What an earlier process left. */
function readLines(lines: readonly unknown[]): { last: number; waiting: Entry[] } {
  const entries = new Map<number, Entry>()
  let last = 0
  let upTo = 0
  for (const line of lines) {
    const read = line as Partial<Entry & Mark & { last: number }>
    if (Number.isSafeInteger(read.upTo)) upTo = Math.max(upTo, read.upTo!)
    if (Number.isSafeInteger(read.sequence)) entries.set(read.sequence!, read as Entry)
    last = Math.max(last, upTo, read.sequence ?? 0, read.last ?? 0)
  }
  const waiting = [...entries.values()].filter(({ sequence }) => sequence > upTo)
  return { last, waiting: waiting.toSorted((one, other) => one.sequence - other.sequence) }
}

/** The place that was given last stands first, so that it is never given again, whatever the clock says. */
function linesOf(last: number, waiting: readonly Entry[]): unknown[] {
  return [{ last }, ...waiting]
}
