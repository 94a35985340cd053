import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Home } from '#kernel/home.ts'
import type { Claim } from './surroundings.ts'

const Identity = z.object({
  viewport: z.object({ width: z.number(), height: z.number() }),
  userAgent: z.string().optional(),
  locale: z.string().optional(),
  timezone: z.string().optional(),
})

const EgressRules = z.object({
  allow: z.array(z.string()).readonly().optional(),
  deny: z.array(z.string()).readonly().optional(),
  upstream: z.string().optional(),
})

const Session = z.object({
  sessionId: z.string(),
  startedAt: z.coerce.date(),
  warm: z.boolean(),
  egress: EgressRules,
  claim: z.record(z.string(), z.unknown()),
})

/** What a later process must know to take over a browser, or to end it. */
const SlotRecord = z.object({
  slotId: z.string(),
  pid: z.int().min(2),
  startTicks: z.number(),
  /** The program, by which its children are told from strangers that got the same ids. */
  executable: z.string(),
  egressPort: z.number(),
  identity: Identity,
  /** Absent until the browser listens for a session, or has answered. */
  endpoint: z.string().optional(),
  /** Absent until the slot has been claimed. */
  session: Session.optional(),
})
export type SlotRecord = z.output<typeof SlotRecord>

/** Of a browser that listens and that a session has claimed. */
export type LiveRecord = SlotRecord & Required<Pick<SlotRecord, 'endpoint' | 'session'>>

export const MAX_CLAIM_BYTES = 64 * 1024

/** Slot ids name files and directories here, so nothing else may pass for one. */
export function isSlotId(text: string): boolean {
  return /^[\w-]{1,64}$/.test(text)
}

/** @throws TypeError when it is no plain JSON, or longer than 64 KiB. */
export function checkClaim(claim: Claim): void {
  const text = JSON.stringify(claim)
  if (text === undefined || Buffer.byteLength(text) > MAX_CLAIM_BYTES) {
    throw new TypeError(`a claim is an object of at most ${MAX_CLAIM_BYTES} bytes of JSON`)
  }
}

/** Reads and writes `run/slots/<slotId>.json`: one file per browser, outlasting the process that wrote it. */
export class SlotFiles {
  readonly #directory: string

  constructor(home: Home) {
    this.#directory = join(home.run, 'slots')
  }

  /** Makes the directory, and clears away what a killed writer left half done. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const whole = new Set((await this.readAll()).map(({ slotId }) => `${slotId}.json`))
    for (const name of await readdir(this.#directory)) {
      if (!whole.has(name)) await rm(join(this.#directory, name), { recursive: true })
    }
  }

  /** A reader sees the old record or the new one, never a part. */
  async write(record: SlotRecord): Promise<void> {
    const path = this.#path(record.slotId)
    const draft = `${path}.${randomUUID()}`
    try {
      await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  async remove(slotId: string): Promise<void> {
    await rm(this.#path(slotId), { force: true })
  }

  async read(slotId: string): Promise<SlotRecord | undefined> {
    try {
      const record = SlotRecord.parse(JSON.parse(await readFile(this.#path(slotId), 'utf8')))
      return record.slotId === slotId ? record : undefined
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

  #path(slotId: string): string {
    return join(this.#directory, `${slotId}.json`)
  }
}
