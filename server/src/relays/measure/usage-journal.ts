import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { RelayControl, UsageEntry } from '../control.ts'
import { type Entry, lineOf, readEntries } from './journal-lines.ts'
import type { Usage } from './meter.ts'
import type { Meters } from './meters.ts'

export interface UsageJournalOptions {
  /** Its file, of this process alone; `<path>.new` beside it is used too. */
  path: string
  meters: Meters
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
/** Lines that the file may have beyond what waits, before it is written anew. */
const IDLE_LINES = 5_000

/**
 * Keeps on disk what was counted until the control plane has taken it, once each second. It outlives the process, not the machine's
 * loss of power. Every process begins a journal under a new name, so that no sequence of it can come again, whatever becomes of the
 * file or the clock; what an earlier one left is sent under the name and the sequences that it had. Nothing is sent before it was
 * written, unless the disk takes nothing.
 */
export class UsageJournal implements AsyncDisposable {
  readonly #options: UsageJournalOptions
  readonly #name = randomBytes(12).toString('base64url')
  readonly #ticker: Ticker
  #file: FileHandle
  /** The oldest first, those of earlier processes before ours. */
  #waiting: Entry[]
  #lines: number
  #last = 0
  #spoilt = false

  static async open(options: UsageJournalOptions): Promise<UsageJournal> {
    const waiting = readEntries(await readFile(options.path, 'utf8').catch(() => ''))
    return new UsageJournal(options, await writeAnew(options.path, waiting), waiting)
  }

  private constructor(options: UsageJournalOptions, file: FileHandle, waiting: Entry[]) {
    this.#options = options
    this.#file = file
    this.#waiting = waiting
    this.#lines = waiting.length
    const { everyMs = EVERY_MS, log } = options
    this.#ticker = new Ticker({ name: 'report usage', everyMs, log, work: () => this.#flush() })
  }

  /** How many entries have not been taken yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  start(): void {
    this.#ticker.start()
  }

  /** Keeps what was counted last, and tries once more to send. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ticker[Symbol.asyncDispose]()
    await this.#flush().catch(() => {})
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    await this.#append(this.#options.meters.take())
    await this.#send()
    await this.#tidy()
  }

  async #append(counted: readonly Usage[]): Promise<void> {
    if (counted.length === 0) return
    const entries = counted.map((usage) => ({
      journal: this.#name,
      entry: { sequence: ++this.#last, ...usage },
    }))
    this.#waiting.push(...entries)
    const { maxWaiting = MAX_WAITING } = this.#options
    this.#waiting.splice(0, Math.max(0, this.#waiting.length - maxWaiting))
    await this.#write(entries.map(lineOf))
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { journal } = this.#waiting[0]!
      const upTo = await this.#report(journal)
      const before = this.#waiting.length
      this.#waiting = this.#waiting.filter((one) => {
        return one.journal !== journal || one.entry.sequence > upTo
      })
      if (this.#waiting.length === before) return
      await this.#write([lineOf({ journal, upTo })])
    }
  }

  async #report(journal: string): Promise<number> {
    const entries: UsageEntry[] = []
    for (const one of this.#waiting) {
      if (one.journal !== journal || entries.length === SENT_AT_ONCE) break
      entries.push(one.entry)
    }
    const { upTo } = await this.#options.control.reportUsage(journal, entries)
    return upTo
  }

  /** Writes the file anew when most of it is of no use, or when something did not get into it. */
  async #tidy(): Promise<void> {
    if (this.#lines <= this.#waiting.length + IDLE_LINES) return
    const file = await writeAnew(this.#options.path, this.#waiting)
    await this.#file.close()
    this.#file = file
    this.#lines = this.#waiting.length
  }

  async #write(lines: readonly string[]): Promise<void> {
    this.#lines += lines.length
    try {
      // What a full disk has cut off is a line of its own.
      await this.#file.appendFile((this.#spoilt ? '\n' : '') + lines.join(''))
      this.#spoilt = false
    } catch (error) {
      if (!this.#spoilt) this.#options.log.error({ err: error }, 'usage could not be kept on disk')
      this.#spoilt = true
    }
  }
}

async function writeAnew(path: string, waiting: readonly Entry[]): Promise<FileHandle> {
  await writeFile(`${path}.new`, waiting.map(lineOf).join(''), { mode: 0o600 })
  await rename(`${path}.new`, path)
  return open(path, 'a', 0o600)
}
