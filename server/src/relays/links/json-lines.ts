import type { Duplex } from 'node:stream'

const LINE_FEED = 0x0a
/** No message of an agent is nearly as long. */
const MAX_LINE_LENGTH = 64 * 1024

/** Finds the lines of JSON in what comes of a stream. Between them it keeps nothing, not even a decoder. */
export class JsonLines {
  #rest: Buffer | undefined

  /** @throws Error for a line that is none, or too long */
  read(chunk: Buffer): unknown[] {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    const rest = bytes.subarray(end)
    if (rest.length > MAX_LINE_LENGTH) throw new Error('a line of the control stream is too long')
    this.#rest = rest.length > 0 ? rest : undefined
    const lines = bytes.toString('utf8', 0, end).split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown)
  }
}

export function writeJsonLine(stream: Duplex, message: unknown): void {
  if (stream.writable) stream.write(`${JSON.stringify(message)}\n`)
}
