import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { processTable } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { listenersOf } from '../session-loop.ts'
import { type BrowserRecord, browserOf } from '../slot-file.ts'
import type { Account, Answer } from './account.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
/** Other tests may keep this machine busy. */
const ENDED_MS = 60_000

/** Where a product runs: its data directory, and the process that hosts the browsers. */
export interface Running {
  readonly home: string
  readonly pid: number
}

/** A session, whoever it belongs to, and what there is of it on the machine. */
export class Rental {
  readonly account: Account
  readonly id: string
  readonly cdpUrl: string
  readonly liveUrl: string
  /** As it was while the browser ran. */
  readonly browser: BrowserRecord

  static async open(account: Account, home: string, wish: object = {}): Promise<Rental> {
    const { status, body } = await account.post('/sessions', wish)
    assert.equal(status, 201, JSON.stringify(body))
    return new Rental(account, body, await browserOf(home, body.id))
  }

  private constructor(
    account: Account,
    { id, cdpUrl, liveUrl }: Answer['body'],
    browser: BrowserRecord,
  ) {
    this.account = account
    this.id = id
    this.cdpUrl = cdpUrl
    this.liveUrl = liveUrl
    this.browser = browser
  }

  command(name: string, body: object = {}): Promise<Answer> {
    return this.account.post(`/sessions/${this.id}/${name}`, body)
  }

  async show(): Promise<Answer['body']> {
    return (await this.account.get(`/sessions/${this.id}`)).body
  }

  /** The value of an expression in its page. */
  async evaluate(script: string): Promise<Answer['body']> {
    const { status, body } = await this.command('execute', { script })
    assert.equal(status, 200, JSON.stringify(body))
    return body.result
  }

  /** Waits for an end that nobody asked for; the session as it is then. */
  async lost(deadlineMs = ENDED_MS): Promise<Answer['body']> {
    return eventually(
      'the session has ended by itself',
      async () => {
        const session = await this.show()
        return session.wipe && session
      },
      deadlineMs,
    )
  }

  /** Ends the session, if it has not ended. Its own report and the machine say that nothing of it is left. */
  async end(running: Running): Promise<Answer['body']> {
    const { status } = await this.account.delete(`/sessions/${this.id}`)
    assert.equal(status, 200)
    const session = await this.lost()
    assert.deepEqual(session.wipe, CLEAN)
    assert.ok(['closed', 'error'].includes(session.status), 'its row is closed')
    await this.isGone(running)
    return session
  }

  /** Nothing of the browser is left on the machine: no process, zombies among them, no directory, no record, no listening port. */
  async isGone({ home, pid }: Running): Promise<void> {
    const { slotId, egressPort } = this.browser
    const directory = join(home, 'sessions', slotId)
    await eventually('no process is left', () => this.#processes(directory).length === 0)
    assert.equal(await exists(directory), false, 'its directory is gone')
    assert.equal(await exists(join(home, 'run/slots', `${slotId}.json`)), false)
    await assert.rejects(browserOf(home, this.id), 'its record is gone')
    assert.equal(listenersOf(pid).includes(egressPort), false, 'its way out is closed')
  }

  #processes(directory: string) {
    const { pid } = this.browser
    return processTable().filter(
      ({ sid, pgid, pid: own, cmdline }) =>
        [sid, pgid, own].includes(pid) || cmdline.some((part) => part.includes(`=${directory}/`)),
    )
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
