import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import type { Logger } from './log.ts'

export interface LineFileOptions {
  /** `<path>.new` beside it is used too. */
  path: string
  log: Logger
  /** What its lines are, for the log: `reports`. */
  what: string
}

/**
 * Lines of JSON on disk, of one process. They outlive the process, not the machine's loss of power. One write comes after another, and
 * none throws: a disk that is full costs what it cannot keep, and what it has kept of a line is never mixed with the next one.
 */
export class LineFile implements AsyncDisposable {
  readonly #options: LineFileOptions
  #file: FileHandle | undefined
  #lines = 0
  #writing: Promise<unknown> = Promise.resolve()
  /** Whether it may end within a line. */
  #isBroken = true
  #isFailing = false

  /** The lines of the file at this path: none when there is no file. What a crash cut off or a disk has spoilt is left out. */
  static async read(path: string): Promise<unknown[]> {
    const text = await readFile(path, 'utf8').catch(() => '')
    return text.split('\n').flatMap((line) => parse(line))
  }

  /** Begins anew with these lines, in place of all that the file had. */
  static async open(options: LineFileOptions, lines: readonly unknown[]): Promise<LineFile> {
    const file = new LineFile(options)
    await file.rewrite(() => lines)
    return file
  }

  private constructor(options: LineFileOptions) {
    this.#options = options
  }

  /** How many it has, with those that are being written. */
  get lines(): number {
    return this.#lines
  }

  /** Resolves once they are written; to false when they are not, or not whole. */
  append(lines: readonly unknown[]): Promise<boolean> {
    this.#lines += lines.length
    return this.#write(async () => {
      const start = this.#isBroken ? '\n' : ''
      this.#isBroken = true
      this.#file ??= await open(this.#options.path, 'a', 0o600)
      await this.#file.appendFile(start + lines.map(lineOf).join(''))
      this.#isBroken = false
    })
  }

  /** Puts others in place of all lines: those of the moment when its turn has come. All or, when it resolves to false, none. */
  rewrite(lines: () => readonly unknown[]): Promise<boolean> {
    // Also when it fails, so that nobody tries again with each line.
    this.#lines = 0
    return this.#write(async () => {
      const now = lines()
      this.#lines += now.length
      const file = await writeAnew(this.#options.path, now)
      await this.#file?.close()
      this.#file = file
      this.#isBroken = false
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#file?.close()
  }

  #write(work: () => Promise<void>): Promise<boolean> {
    const written = this.#writing.then(work).then(
      () => !(this.#isFailing = false),
      (error: unknown) => this.#fail(error),
    )
    this.#writing = written
    return written
  }

  /** Once for each stretch of failures. */
  #fail(error: unknown): false {
    const { log, what } = this.#options
    if (!this.#isFailing) log.error({ err: error, what }, 'lines could not be kept on disk')
    this.#isFailing = true
    return false
  }
}

function lineOf(line: unknown): string {
  return `${JSON.stringify(line)}\n`
}

function parse(line: string): unknown[] {
  try {
    return [JSON.parse(line) ?? {}]
  } catch {
    return []
  }
}

async function writeAnew(path: string, lines: readonly unknown[]): Promise<FileHandle> {
  const next = `${path}.new`
  const file = await open(next, 'w', 0o600)
  try {
    await file.appendFile(lines.map(lineOf).join(''))
    await rename(next, path)
    return file
  } catch (error) {
    await file.close().catch(() => {})
    // On a full disk it would take the room of others.
    await rm(next, { force: true }).catch(() => {})
    throw error
  }
}
