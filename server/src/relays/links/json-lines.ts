import type { Duplex } from 'node:stream'

/** No message of an agent is nearly as long. */
const MAX_LINE_LENGTH = 64 * 1024

/** Calls `take` with each line of JSON that comes. A line that is none, or too long, destroys the stream. */
export function readJsonLines(stream: Duplex, take: (message: unknown) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    try {
      if (rest.length > MAX_LINE_LENGTH) throw new Error('a line of the control stream is too long')
      for (const line of lines) if (line !== '') take(JSON.parse(line))
    } catch (error) {
      stream.destroy(error as Error)
    }
  })
}

export function writeJsonLine(stream: Duplex, message: unknown): void {
  if (stream.writable) stream.write(`${JSON.stringify(message)}\n`)
}
