import { readdirSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { type ProcessFacts, processFacts } from '#kernel/processes.ts'

/** Read in one go; everybody else gets a turn before the next ones. */
const ROWS_AT_ONCE = 32

/**
 * Reads the processes of this machine without holding up the event loop. Those who want a table while one is being read share
 * the next, so that ending a hundred browsers at once takes as many looks as ending one.
 */
export class ProcessTables {
  #current: Promise<ProcessFacts[]> | undefined
  #next: Promise<ProcessFacts[]> | undefined

  /** Every process that we may see, zombies included; its reading begins after this call. */
  look(): Promise<ProcessFacts[]> {
    return (this.#next ??= this.#read())
  }

  async #read(): Promise<ProcessFacts[]> {
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

async function readRows(): Promise<ProcessFacts[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const rows: ProcessFacts[] = []
  for (const [index, pid] of pids.entries()) {
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await breathe()
    const facts = processFacts(Number(pid))
    if (facts) rows.push(facts)
  }
  return rows
}
