import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from '#kernel/home.ts'
import { isSameProcess } from '#kernel/processes.ts'
import type { Logger } from '#kernel/log.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { askProduct } from './devtools.ts'
import type { ProcessTables } from './process-tables.ts'
import { sessionFiles } from './slot-directory.ts'
import { type LiveRecord, type SlotFiles, type SlotRecord, isSlotId } from './slot-file.ts'
import type { Survivor } from './surroundings.ts'
import { type WipeReport, isClean, wipe } from './wipe.ts'

/** Where the browsers of earlier processes left their traces, and which of those are ours. */
export interface Traces {
  home: Home
  user?: SystemUser
  files: SlotFiles
  tables: ProcessTables
  log: Logger
  /** The leaders' pids of our own browsers. */
  leaders: () => Iterable<number>
  /** Whether a slot is our own. */
  isOwn: (slotId: string) => boolean
}

/** A machine on which everything starts again is busy, and a browser that is not waited for takes its session with it. */
const SURVIVOR_DEADLINE_MS = 10_000
const REAPED_AT_ONCE = 4

/** What earlier processes have left on this machine: browsers that live, and traces of others. */
export class Strays {
  readonly #traces: Traces

  constructor(traces: Traces) {
    this.#traces = traces
  }

  /** Browsers of sessions that are alive: the process is the recorded one, and it answers. */
  async survivors(): Promise<Survivor[]> {
    const { files, tables } = this.#traces
    const processes = new Map((await tables.look()).map((process) => [process.pid, process]))
    const proven = (await files.readAll()).map(async (record) => {
      const process = processes.get(record.pid)
      if (!this.#isLive(record) || process?.startTicks !== record.startTicks) return undefined
      const inside = `=${this.#pathOf(record.slotId)}/`
      if (!process.cmdline.some((part) => part.includes(inside))) return undefined
      const answer = await askProduct(record.endpoint, SURVIVOR_DEADLINE_MS).catch(() => undefined)
      return answer === undefined ? undefined : this.#describe(record)
    })
    return (await Promise.all(proven)).filter((one) => one !== undefined)
  }

  /** Browsers of sessions that nobody has adopted, those that are dead too. */
  async remains(): Promise<Survivor[]> {
    const records = await this.#traces.files.readAll()
    return records.filter((record) => this.#isLive(record)).map((record) => this.#describe(record))
  }

  /** The record of a session's browser that might be adopted. */
  async find(sessionId: string, pid: number): Promise<LiveRecord | undefined> {
    const records = (await this.#traces.files.readAll()).filter((record) => this.#isLive(record))
    return records.find((record) => record.session.sessionId === sessionId && record.pid === pid)
  }

  /** Ends and wipes all, but for the sessions to keep. Returns how many there were. */
  async reap(keep: ReadonlySet<string>): Promise<number> {
    const strays = [...(await this.#find())].filter(([, session]) => !session || !keep.has(session))
    const waiting = strays.values()
    const reapSome = async () => {
      for (const [slotId] of waiting) {
        const report = await this.#wipe(slotId)
        this.#traces.log.info({ slot: slotId, ...report }, 'stray browser reaped')
      }
    }
    await Promise.all(Array.from({ length: REAPED_AT_ONCE }, reapSome))
    return strays.length
  }

  /** Ends and wipes what a session has left; an unknown one is clean. */
  async end(sessionId: string): Promise<WipeReport> {
    const own = [...(await this.#find())].find(([, session]) => session === sessionId)
    return own ? this.#wipe(own[0]) : { processes: 0, directories: 0, sockets: 0 }
  }

  /** Slots that have left a file, a directory or a process, each with the session that had claimed it. */
  async #find(): Promise<Map<string, string | undefined>> {
    const { home, files, tables, isOwn } = this.#traces
    const records = await files.readAll()
    const onDisk = await readdir(home.sessions)
    const inside = `=${home.sessions}/`
    const running = (await tables.look())
      .flatMap(({ cmdline }) => cmdline)
      .flatMap((part) => part.split(inside).slice(1))
      .map((rest) => rest.split('/')[0]!)
    const ids = [...records.map(({ slotId }) => slotId), ...onDisk, ...running]
    const sessions = new Map(records.map(({ slotId, session }) => [slotId, session?.sessionId]))
    const strays = ids.filter((id) => isSlotId(id) && !isOwn(id))
    return new Map(strays.map((id) => [id, sessions.get(id)]))
  }

  async #wipe(slotId: string): Promise<WipeReport> {
    const { user, files, tables, leaders } = this.#traces
    const record = await files.read(slotId)
    const lives = record?.endpoint && isSameProcess(record.pid, record.startTicks)
    const report = await wipe({
      ...{ directory: this.#pathOf(slotId), leader: record, user, tables },
      strangers: new Set(leaders()),
      // A dead browser's port may be somebody else's by now.
      ports: lives ? [Number(new URL(record.endpoint!).port)] : [],
      close: async () => {},
    })
    if (isClean(report)) await files.remove(slotId)
    return report
  }

  #isLive(record: SlotRecord): record is LiveRecord {
    const { endpoint, session, slotId } = record
    return endpoint !== undefined && session !== undefined && !this.#traces.isOwn(slotId)
  }

  #describe({ slotId, pid, endpoint, identity, session }: LiveRecord): Survivor {
    const { sessionId, startedAt, warm, claim } = session
    const files = sessionFiles(this.#pathOf(slotId))
    return { sessionId, pid, endpoint, startedAt, identity, files, warm, claim }
  }

  #pathOf(slotId: string): string {
    return join(this.#traces.home.sessions, slotId)
  }
}
