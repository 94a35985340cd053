import type { LogLine } from './relay-schema.ts'

const MOST_LINES = 500
const MAX_MESSAGE = 1_000
const MAX_FIELDS = 2_000
const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error'])

/** The last lines of a relay's log. What is redacted in the log is redacted here: it takes the finished line. */
export class LineRing {
  readonly #kept: LogLine[] = []
  #takenUpTo = 0
  #sequence: number

  /** @param startMs sequences rise from it, so that those of a later process are higher */
  constructor(startMs: number) {
    this.#sequence = startMs * 1_000
  }

  /** One line of the log, as JSON. What is no line is passed over. */
  write(text: string): void {
    const line = readLine(text)
    if (!line) return
    this.#kept.push({ sequence: ++this.#sequence, ...line })
    if (this.#kept.length > MOST_LINES) this.#kept.shift()
  }

  /** The oldest that were not taken. */
  pending(most: number): LogLine[] {
    return this.#kept.filter(({ sequence }) => sequence > this.#takenUpTo).slice(0, most)
  }

  /** The newest, the newest last; also those that were taken. */
  last(limit: number): LogLine[] {
    return this.#kept.slice(-limit)
  }

  taken(upTo: number): void {
    this.#takenUpTo = Math.max(this.#takenUpTo, upTo)
  }
}

function readLine(text: string): Omit<LogLine, 'sequence'> | undefined {
  try {
    const {
      time,
      level,
      category: _,
      msg,
      ...fields
    } = JSON.parse(text, plain) as Record<string, unknown>
    if (typeof time !== 'string' || !LEVELS.has(String(level))) return undefined
    const isLong = JSON.stringify(fields).length > MAX_FIELDS
    return {
      ...{ at: time, level: level as LogLine['level'], fields: isLong ? {} : fields },
      message: String(msg ?? '')
        .slice(0, MAX_MESSAGE)
        .toWellFormed(),
    }
  } catch {
    return undefined
  }
}

/** What the database does not take would keep back every beat. */
function plain(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '') : value
}
