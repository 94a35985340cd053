import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Home } from '#kernel/home.ts'

const Identity = z.object({
  viewport: z.object({ width: z.number(), height: z.number() }),
  userAgent: z.string().optional(),
  locale: z.string().optional(),
  timezone: z.string().optional(),
})

/** What a later process must know to take over a browser, or to end it. */
const SlotRecord = z.object({
  sessionId: z.string(),
  pid: z.int().min(2),
  startTicks: z.number(),
  /** The program, by which its children are told from strangers that got the same ids. */
  executable: z.string(),
  egressPort: z.number(),
  identity: Identity,
  startedAt: z.coerce.date(),
  /** Absent until the browser has answered. */
  endpoint: z.string().optional(),
})
export type SlotRecord = z.output<typeof SlotRecord>
/** Session ids name files and directories here, so nothing else may pass for one. */
export function isSessionId(text: string): boolean {
  return /^[\w-]{1,64}$/.test(text)
}

export type LiveRecord = SlotRecord & { endpoint: string }

/** Reads and writes `run/slots/<sessionId>.json`: one file per browser, outlasting the process that wrote it. */
export class SlotFiles {
  readonly #directory: string

  constructor(home: Home) {
    this.#directory = join(home.run, 'slots')
  }

  /** Makes the directory, and clears away what a killed writer left half done. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const whole = new Set((await this.readAll()).map(({ sessionId }) => `${sessionId}.json`))
    for (const name of await readdir(this.#directory)) {
      if (!whole.has(name)) await rm(join(this.#directory, name), { recursive: true })
    }
  }

  /** A reader sees the old record or the new one, never a part. */
  async write(record: SlotRecord): Promise<void> {
    const path = this.#path(record.sessionId)
    const draft = `${path}.${randomUUID()}`
    await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
    await rename(draft, path)
  }

  async remove(sessionId: string): Promise<void> {
    await rm(this.#path(sessionId), { force: true })
  }

  async read(sessionId: string): Promise<SlotRecord | undefined> {
    try {
      const record = SlotRecord.parse(JSON.parse(await readFile(this.#path(sessionId), 'utf8')))
      return record.sessionId === sessionId ? record : undefined
    } catch {
      return undefined
    }
  }

  async readAll(): Promise<SlotRecord[]> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'))
    const records = await Promise.all(
      names.map((name) => this.read(name.slice(0, -'.json'.length))),
    )
    return records.filter((record) => record !== undefined)
  }

  #path(sessionId: string): string {
    return join(this.#directory, `${sessionId}.json`)
  }
}
