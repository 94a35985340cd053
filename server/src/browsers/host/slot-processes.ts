import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessFacts, signalGroup, signalProcess } from '#kernel/processes.ts'
import type { ProcessTables } from './process-tables.ts'

/** The process that a browser began with, and that its session and its group are named after. */
export interface Leader {
  pid: number
  startTicks: number
  executable: string
}

/** Everything by which a process shows that it belongs to one browser. */
export interface Marks {
  /** The slot's directory, which Chromium's own processes name in their command lines. */
  directory: string
  leader?: Leader
  /** Leaders of other browsers: their processes need no second look. */
  strangers: ReadonlySet<number>
  tables: ProcessTables
}

const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 100

/**
 * Kills all processes of a browser, stopped and orphaned ones too, until there is none.
 *
 * @returns how many are left after `deadlineMs`.
 */
export async function killProcesses(marks: Marks, deadlineMs: number): Promise<number> {
  const giveUpAt = performance.now() + deadlineMs
  const known = new Set<string>()
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const left = findProcesses(marks, known, await marks.tables.look())
    if (left.length === 0 || performance.now() > giveUpAt) return left.length
    for (const { pid, pgid } of left) {
      // The whole group at once, so that it cannot fork ahead of us.
      kill(pid === marks.leader?.pid && pid === pgid ? signalGroup : signalProcess, pid)
    }
    for (const process of left) known.add(identify(process))
    await sleep(pauseMs)
  }
}

/** The living ones, among them those `known` from an earlier look, whose parent may be gone by now. */
function findProcesses(
  marks: Marks,
  known: ReadonlySet<string>,
  table: readonly ProcessFacts[],
): ProcessFacts[] {
  const isLed = followersOf(marks.leader, table)
  const found = new Map<number, ProcessFacts>()
  for (const process of table) {
    const belongs = known.has(identify(process)) || isLed(process) || namesDirectory(process, marks)
    if (belongs) found.set(process.pid, process)
  }
  addDescendants(found, table)
  return [...found.values()].filter(({ state }) => state !== 'Z' && state !== 'X')
}

/**
 * A pid that names a session or a group is not given out again while that has members. So when the leader is gone they are its
 * own, or come from a later process that got its pid and is gone as well: the program tells which.
 */
function followersOf(leader: Leader | undefined, table: readonly ProcessFacts[]) {
  if (!leader) return () => false
  const { pid, startTicks, executable } = leader
  const holder = table.find((process) => process.pid === pid)
  if (holder && holder.startTicks !== startTicks) return () => false
  return (process: ProcessFacts) =>
    (process.sid === pid || process.pgid === pid) &&
    (holder !== undefined || process.cmdline[0]?.startsWith(executable) === true)
}

/** As a switch's value only: an operator's `tail -f` of a file in there is not to be killed. */
function namesDirectory(process: ProcessFacts, { directory, strangers }: Marks): boolean {
  if (strangers.has(process.sid)) return false
  return process.cmdline.some((part) => part.includes(`=${directory}/`))
}

function addDescendants(found: Map<number, ProcessFacts>, table: readonly ProcessFacts[]): void {
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const process of table) if (found.has(process.ppid)) found.set(process.pid, process)
  }
}

/** One that we may not signal stays in the count. */
function kill(signal: typeof signalGroup, id: number): void {
  try {
    signal(id, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}

function identify({ pid, startTicks }: ProcessFacts): string {
  return `${pid}@${startTicks}`
}
