import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the server keeps of a browser on its disk. */
export interface BrowserRecord {
  slotId: string
  /** Where its DevTools listen. */
  endpoint: string
  /** Of Chromium's main process. */
  pid: number
  /** Where its own way out listens, in the server's process. */
  egressPort: number
}

/** The browser of a session, as the server keeps it on its disk. */
export async function browserOf(home: string, sessionId: string): Promise<BrowserRecord> {
  const directory = join(home, 'run/slots')
  const names = await readdir(directory)
  // What is not named so is still being written.
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => '{}')
    const slot = JSON.parse(text) as BrowserRecord & { session?: { sessionId: string } }
    if (slot.session?.sessionId === sessionId) return slot
  }
  throw new Error(`no browser has the session ${sessionId}`)
}
