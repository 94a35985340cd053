import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** One row of `/proc`. A pid is used again; a pid with its `startTicks` names one process of this boot. */
export interface ProcessFacts {
  pid: number
  ppid: number
  pgid: number
  sid: number
  /** Clock ticks between the boot and the start of the process. */
  startTicks: number
  /** Pages of memory that it has in use, those that it shares with others too. */
  residentPages: number
  /** The kernel's letter; `Z` has ended and waits for its parent. */
  state: string
  /** Read on first use, since it costs as much as all the rest; empty once the process is gone. */
  readonly cmdline: readonly string[]
}

/** When the process began, or undefined when there is none, or only its zombie. */
export function startTicks(pid: number): number | undefined {
  const facts = processFacts(pid)
  return facts && isAlive(facts) ? facts.startTicks : undefined
}

/** Whether the process that had this pid at `ticks` still runs. */
export function isSameProcess(pid: number, ticks: number): boolean {
  return startTicks(pid) === ticks
}

/** Every process that this one may see, zombies included. */
export function processTable(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processFacts(Number(name)))
    .filter((facts) => facts !== undefined)
}

/** Signals one process; false when it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  return kill(pid, signal)
}

/** Signals every member of a process group; false when it has none. A zombie is a member until its parent collects it. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  return kill(pgid, signal, -1)
}

/** Whether the process ended within `deadlineMs`; a zombie has ended. */
export async function waitForExit(
  pid: number,
  ticks: number,
  deadlineMs: number,
): Promise<boolean> {
  const giveUpAt = performance.now() + deadlineMs
  for (let pauseMs = 2; isSameProcess(pid, ticks); pauseMs = Math.min(pauseMs * 2, 50)) {
    const leftMs = giveUpAt - performance.now()
    if (leftMs <= 0) return false
    await sleep(Math.min(pauseMs, leftMs))
  }
  return true
}

function kill(id: number, signal: NodeJS.Signals, sign: 1 | -1 = 1): boolean {
  // kill(2) takes 0 for the caller's own group and -1 for everybody.
  if (!Number.isSafeInteger(id) || id <= 1) throw new RangeError(`not a process to signal: ${id}`)
  try {
    return process.kill(id * sign, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

function isAlive({ state }: ProcessFacts): boolean {
  return state !== 'Z' && state !== 'X'
}

/** Undefined when there is none; a zombie is one. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const stat = readProc(pid, 'stat')
  if (stat === '') return undefined
  // The second field is the name in parentheses, and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return new Row(pid, fields)
}

/** A class, since each object literal with a getter has a hidden class of its own, and a table has hundreds of rows. */
class Row implements ProcessFacts {
  readonly pid: number
  readonly state: string
  readonly ppid: number
  readonly pgid: number
  readonly sid: number
  readonly startTicks: number
  readonly residentPages: number
  #cmdline: string[] | undefined

  constructor(pid: number, fields: readonly string[]) {
    this.pid = pid
    this.state = fields[0]!
    this.ppid = Number(fields[1])
    this.pgid = Number(fields[2])
    this.sid = Number(fields[3])
    this.startTicks = Number(fields[19])
    this.residentPages = Number(fields[21])
  }

  get cmdline(): readonly string[] {
    return (this.#cmdline ??= readProc(this.pid, 'cmdline').split('\0').filter(Boolean))
  }
}

/** The text of one file of the process; empty when the process is gone. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return ''
    throw error
  }
}
