import { Writable } from 'node:stream'

/** One line of standard input; at a terminal it is asked for, and not shown. */
export async function readLine(prompt: string): Promise<string> {
  const { createInterface } = await import('node:readline')
  const { isTTY } = process.stdin
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  if (isTTY) process.stderr.write(prompt)
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: isTTY })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (isTTY) process.stderr.write('\n')
  }
}
