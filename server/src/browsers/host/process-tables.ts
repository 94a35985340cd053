import { readFileSync, readdirSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import type { ProcessFacts } from '#kernel/processes.ts'

export interface ProcessRow extends ProcessFacts {
  /** Pages of memory that it has in use, those that it shares with others too. */
  residentPages: number
}

/** Read in one go; everybody else gets a turn before the next ones. */
const ROWS_AT_ONCE = 32

/**
 * Reads the processes of this machine without holding up the event loop. Those who want a table while one is being read share
 * the next, so that ending a hundred browsers at once takes as many looks as ending one.
 */
export class ProcessTables {
  #current: Promise<ProcessRow[]> | undefined
  #next: Promise<ProcessRow[]> | undefined

  /** Every process that we may see, zombies included; its reading begins after this call. */
  look(): Promise<ProcessRow[]> {
    return (this.#next ??= this.#read())
  }

  async #read(): Promise<ProcessRow[]> {
    await (this.#current?.catch(() => {}) ?? breathe())
    this.#current = this.#next
    this.#next = undefined
    try {
      return await readRows()
    } finally {
      this.#current = undefined
    }
  }
}

async function readRows(): Promise<ProcessRow[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const rows: ProcessRow[] = []
  for (const [index, pid] of pids.entries()) {
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await breathe()
    const stat = readProc(pid, 'stat')
    if (stat !== '') rows.push(new Row(pid, stat))
  }
  return rows
}

/** A class, since each object literal with a getter has a hidden class of its own, and a table has hundreds of rows. */
class Row implements ProcessRow {
  readonly pid: number
  readonly state: string
  readonly ppid: number
  readonly pgid: number
  readonly sid: number
  readonly startTicks: number
  readonly residentPages: number
  #cmdline: string[] | undefined

  constructor(pid: string, stat: string) {
    // The second field is the name in parentheses, and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    this.pid = Number(pid)
    this.state = fields[0]!
    this.ppid = Number(fields[1])
    this.pgid = Number(fields[2])
    this.sid = Number(fields[3])
    this.startTicks = Number(fields[19])
    this.residentPages = Number(fields[21])
  }

  get cmdline(): readonly string[] {
    return (this.#cmdline ??= readProc(String(this.pid), 'cmdline').split('\0').filter(Boolean))
  }
}

/** The text of one file of the process; empty when the process is gone. */
function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return ''
    throw error
  }
}
