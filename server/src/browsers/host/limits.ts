import { lstat, opendir, readFile, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import type { ProcessFacts } from '#kernel/processes.ts'
import type { ProcessTables } from './process-tables.ts'
import type { Slot } from './slot.ts'

/** What one session may take of the machine. */
export interface SessionLimits {
  memoryLimitBytes: number
  diskLimitBytes: number
}

export interface LimitTimes {
  memoryEveryMs: number
  diskEveryMs: number
}

export interface LimitsOptions {
  limits?: Partial<SessionLimits>
  times?: Partial<LimitTimes>
  tables: ProcessTables
  clock: Clock
  log: Logger
  /** Slots whose browsers run for a session. */
  slots: () => readonly Slot[]
}

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const USUAL = { memoryLimitBytes: 2 * GIB, diskLimitBytes: 2 * GIB }
const USUAL_TIMES: LimitTimes = { memoryEveryMs: 1_000, diskEveryMs: 15_000 }
/** That much of the limit gone from the file system, and the disk is looked at before its time. */
const NOTABLE_SHARE = 1 / 8
const MAX_FILES = 100_000
const BLOCK_BYTES = 512

/** Ends browsers that take more memory or disk than one session may, so that the others keep theirs. */
export class Limits implements AsyncDisposable {
  readonly #options: LimitsOptions
  readonly #limits: SessionLimits
  readonly #times: LimitTimes
  readonly #looking: Ticker
  /** What a browser really used when it had so much in use, with what it shares. */
  readonly #measured = new WeakMap<Slot, { resident: number; used: number }>()
  #pageBytes = 0
  #diskSeenAtMs = -Infinity
  #freeBytesSeen = Infinity

  constructor(options: LimitsOptions) {
    const { log } = options
    this.#options = options
    this.#limits = { ...USUAL, ...options.limits }
    this.#times = { ...USUAL_TIMES, ...options.times }
    const everyMs = this.#times.memoryEveryMs
    const work = () => this.#look()
    this.#looking = new Ticker({ name: 'hold browsers to their limits', everyMs, log, work })
    this.#looking.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
  }

  async #look(): Promise<void> {
    const slots = this.#options.slots()
    if (slots.length === 0) return
    const groups = byLeader(await this.#options.tables.look())
    for (const slot of slots) await this.#checkMemory(slot, groups.get(slot.leader!.pid) ?? [])
    if (!(await this.#isDiskDue(dirname(slots[0]!.path)))) return
    for (const slot of slots) await this.#checkDisk(slot)
  }

  /** Every now and then, and at once when somebody writes much: a page fills gigabytes between two looks. */
  async #isDiskDue(directory: string): Promise<boolean> {
    const now = this.#options.clock.monotonicMs()
    const free = await freeBytes(directory)
    const notable = this.#limits.diskLimitBytes * NOTABLE_SHARE
    const isDue = now - this.#diskSeenAtMs >= this.#times.diskEveryMs
    if (!isDue && this.#freeBytesSeen - free < notable) {
      this.#freeBytesSeen = Math.max(this.#freeBytesSeen, free)
      return false
    }
    this.#diskSeenAtMs = now
    this.#freeBytesSeen = free
    return true
  }

  /**
   * Counting what is shared again for each process gives too much, but costs nothing. Only who looks too big is measured, and
   * again only when it has grown by what it had left.
   */
  async #checkMemory(slot: Slot, rows: readonly ProcessFacts[]): Promise<void> {
    const { memoryLimitBytes } = this.#limits
    this.#pageBytes ||= await measurePage()
    const resident = sum(rows.map(({ residentPages }) => residentPages)) * this.#pageBytes
    const last = this.#measured.get(slot) ?? { resident: 0, used: 0 }
    if (last.used + Math.max(0, resident - last.resident) <= memoryLimitBytes) return
    const used = sum(await Promise.all(rows.map((row) => ownMemory(row, this.#pageBytes))))
    this.#measured.set(slot, { resident, used })
    if (used <= memoryLimitBytes) return
    const [took, may] = [toMib(used), toMib(memoryLimitBytes)]
    const detail = `its pages took ${took} MiB of memory; a session may take ${may} MiB`
    slot.condemn({ reason: 'memory', detail })
  }

  async #checkDisk(slot: Slot): Promise<void> {
    if (!slot.browser) return
    const { diskLimitBytes } = this.#limits
    const { bytes, files } = await measureTree(slot.path, diskLimitBytes)
    if (bytes <= diskLimitBytes && files <= MAX_FILES) return
    const detail =
      files > MAX_FILES
        ? `its pages made more than ${MAX_FILES} files`
        : `its pages took more than the ${toMib(diskLimitBytes)} MiB of disk that a session may take`
    slot.condemn({ reason: 'disk', detail })
  }
}

function byLeader(rows: readonly ProcessFacts[]): Map<number, ProcessFacts[]> {
  return Map.groupBy(rows, ({ sid }) => sid)
}

/** Its share of what it has in use. Where the kernel does not tell us that, what it shares with nobody. */
async function ownMemory({ pid }: ProcessFacts, pageBytes: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kib = /^Pss: +(\d+) kB$/m.exec(rollup)?.[1]
  if (kib !== undefined) return Number(kib) * 1024
  const [, resident = 0, shared = 0] = await readPages(pid)
  return (resident - shared) * pageBytes
}

/** All of the program, in memory, shared. */
async function readPages(pid: number | 'self'): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
  return text.split(' ').map(Number)
}

/** What is free on the file system of a directory; nothing known is no change. */
async function freeBytes(directory: string): Promise<number> {
  return statfs(directory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
}

/** Machines differ in how large a page is. */
async function measurePage(): Promise<number> {
  const [, resident = 0] = await readPages('self')
  if (resident === 0) return 4096
  return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / resident))
}

/** Follows no link, and stops as soon as it has seen too much. */
async function measureTree(path: string, enoughBytes: number) {
  const total = { bytes: 0, files: 0 }
  const waiting = [path]
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const entries = await opendir(directory).catch(() => undefined)
    if (!entries) continue
    for await (const entry of entries) {
      const inside = join(directory, entry.name)
      if (entry.isDirectory()) waiting.push(inside)
      total.files += 1
      total.bytes += await diskUse(inside)
      if (total.bytes > enoughBytes || total.files > MAX_FILES) return total
    }
  }
  return total
}

async function diskUse(path: string): Promise<number> {
  return lstat(path).then(
    ({ blocks }) => blocks * BLOCK_BYTES,
    () => 0,
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function toMib(bytes: number): number {
  return Math.round(bytes / MIB)
}
