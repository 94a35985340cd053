import { readFileSync } from 'node:fs'
import { type ProcessFacts, processTable, signalProcess, startTicks } from '#kernel/processes.ts'

/**
 * The processes of one server: its descendants, what shares a process group with one of them, what names its directory, and all
 * of these that lived on when their parent was killed. A pid that was given to another process is not mistaken for a member.
 */
export class Family {
  readonly #directory: string
  /** When each known member began, by pid. */
  readonly #known = new Map<number, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Takes in a process that was just started. */
  add(pid: number): void {
    const ticks = startTicks(pid)
    if (ticks !== undefined) this.#known.set(pid, ticks)
  }

  /** Those that run now, zombies left out. */
  members(): ProcessFacts[] {
    const table = processTable().filter(({ pid, state }) => state !== 'Z' && pid !== process.pid)
    const found = new Set(table.filter((facts) => this.#isOwn(facts)))
    for (let before = -1; before < found.size;) {
      before = found.size
      const pids = new Set([...found].map(({ pid }) => pid))
      const groups = new Set([...found].map(({ pgid }) => pgid))
      for (const facts of table) {
        if (pids.has(facts.ppid) || groups.has(facts.pgid)) found.add(facts)
      }
    }
    this.#known.clear()
    for (const { pid, startTicks } of found) this.#known.set(pid, startTicks)
    return [...found]
  }

  /** All of Chromium: each browser and what belongs to it. */
  chromium(): ProcessFacts[] {
    return this.members().filter((facts) => isChromium(commandOf(facts)))
  }

  /** The main process of each browser. */
  browsers(): ProcessFacts[] {
    return this.members().filter((facts) => isBrowser(commandOf(facts)))
  }

  memory(): Memory {
    const sum = { server: 0, database: 0, chromium: 0 }
    for (const facts of this.members()) {
      const command = commandOf(facts)
      const part = isChromium(command)
        ? 'chromium'
        : /^\S*postgres\b/.test(command)
          ? 'database'
          : 'server'
      sum[part] += proportionalMib(facts.pid)
    }
    return { ...sum, total: sum.server + sum.database + sum.chromium }
  }

  kill(): void {
    for (const { pid } of this.members()) signalProcess(pid, 'SIGKILL')
  }

  #isOwn(facts: ProcessFacts): boolean {
    return (
      this.#known.get(facts.pid) === facts.startTicks || commandOf(facts).includes(this.#directory)
    )
  }
}

/** In MiB (PSS): pages that several processes share count in parts. */
export interface Memory {
  server: number
  database: number
  chromium: number
  total: number
}

function commandOf({ cmdline }: ProcessFacts): string {
  return cmdline.join(' ')
}

function isChromium(command: string): boolean {
  return /--user-data-dir=|--type=|chrome_crashpad_handler/.test(command)
}

function isBrowser(command: string): boolean {
  return command.includes('--user-data-dir=') && !command.includes('--type=')
}

function proportionalMib(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
