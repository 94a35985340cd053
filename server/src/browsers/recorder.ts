import type { Actor, Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Logger } from '#kernel/log.ts'
import { sqlState } from '#kernel/transaction.ts'
import type { CommandType } from './schema.ts'

const FLUSH_MS = 200
const BATCH_ROWS = 200
const MAX_WAITING = 5_000
const MAX_JSON_CHARS = 16 * 1024

/** One command that has ended, as it is kept. */
export interface RecordedCommand {
  sessionId: string
  accountId: string
  type: CommandType
  params: unknown
  status: 'success' | 'error'
  result?: unknown
  errorMessage?: string
  actor: Actor
  startedAt: Date
  endedAt: Date
}

type Waiting = RecordedCommand & { id: string }

/**
 * Keeps the history of commands off the path of the answer: rows are written in batches, at the latest 200 ms later. Beyond 5,000
 * waiting rows (a database that is away) the oldest are dropped and counted, and so is a row that the database does not take.
 */
export class CommandRecorder implements AsyncDisposable {
  readonly #db: Db
  readonly #log: Logger
  #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #dropped = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
  }

  get dropped(): number {
    return this.#dropped
  }

  record(ctx: Context, command: RecordedCommand): void {
    this.#waiting.push({ ...command, id: ctx.newId('cmd') })
    this.#dropOldest()
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS)
  }

  /** Returns once everything recorded before the call is written, or could not be. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#writeAll())
    return this.#writing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_ROWS)
      try {
        await this.#write(batch)
      } catch (error) {
        this.#waiting.unshift(...batch)
        this.#dropOldest()
        this.#log.error(
          { err: error, rows: this.#waiting.length },
          'commands could not be recorded',
        )
        this.#timer ??= setTimeout(() => void this.flush(), 10 * FLUSH_MS).unref()
        return
      }
    }
  }

  /** A row that is refused for what it holds must not keep back the others. */
  async #write(batch: Waiting[]): Promise<void> {
    try {
      await this.#db.insertInto('browserCommands').values(batch.map(toRow)).execute()
    } catch (error) {
      if (!REFUSED.test(sqlState(error))) throw error
      if (batch.length > 1) for (const command of batch) await this.#write([command])
      else this.#drop(batch, error)
    }
  }

  #drop([command]: Waiting[], error: unknown): void {
    this.#dropped++
    this.#log.error({ err: error, command: command?.id }, 'a command could not be recorded')
  }

  #dropOldest(): void {
    const over = this.#waiting.length - MAX_WAITING
    if (over > 0) this.#dropped += this.#waiting.splice(0, over).length
  }
}

/** Classes 22 and 23: the values themselves, or what they refer to. */
const REFUSED = /^2[23]/

function toRow({ params, result, actor, errorMessage, ...command }: Waiting) {
  return {
    ...command,
    params: bounded(params),
    result: result === undefined ? null : bounded(result),
    errorMessage: errorMessage?.slice(0, 2000).replaceAll('\0', '\ufffd') ?? null,
    actor: JSON.stringify(actor),
  }
}

const ESCAPE = /\\(?:u[0-9a-f]{4}|.)/g
/** What PostgreSQL cannot keep in JSON: NUL, and half of a surrogate pair. `JSON.stringify` writes both as escapes. */
const NOT_KEPT = /^\\u(?:0000|d[89a-f])/

/** JSON text of at most 16 KiB that PostgreSQL can keep. */
function bounded(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  if (text.length > MAX_JSON_CHARS) {
    return JSON.stringify({ truncated: true, characters: text.length })
  }
  return text.replace(ESCAPE, (escape) => (NOT_KEPT.test(escape) ? '\\ufffd' : escape))
}
