import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { Ticker } from '#kernel/ticker.ts'
import { within } from '#kernel/within.ts'
import { MANIFEST, type Manifest } from '../evidence/manifest.ts'
import { interrupted } from '../evidence/resume.ts'
import type { RecordingSink } from '../evidence/sink.ts'
import { isUnwanted } from '../evidence/unwanted.ts'
import { LeftParts } from './left-parts.ts'
import type { SessionSpec } from './session-node.ts'

export type RecordingOwner = Pick<SessionSpec, 'id' | 'accountId'>

export interface KeptRecordingsOptions {
  /** One file per recording that is not complete and stored. */
  directory: string
  /** Where the recording of a session goes. */
  sinkOf(owner: RecordingOwner): RecordingSink
  clock: Clock
  log: Logger
  /** Of what stores have not taken by the end of their sessions; 256 MiB unless given. */
  maxLeftBytes?: number
}

interface Kept {
  owner: RecordingOwner
  manifest: Manifest
}

const TRY_AGAIN_MS = 15_000
const GIVEN_UP_AFTER_MS = 24 * 60 * 60_000
/** What cannot be stored by then is left to the next process. */
const CLOSE_MS = 5_000
const NAME = /^(\w{1,64})\.json$/

/**
 * The recordings of this machine beyond the life of its process: the manifest of each is on its disk until it is complete and stored,
 * so that the next process can go on with it, or complete it when its session is gone. So is what the store had not taken by its end.
 */
export class KeptRecordings implements AsyncDisposable {
  readonly #options: KeptRecordingsOptions
  /** Those that nobody records any more, and that are not complete where they are stored. */
  readonly #left: Map<string, Kept>
  /** When this process tried for the first time to complete one that it could not complete yet. */
  readonly #parts: LeftParts
  readonly #triedSinceMs = new Map<string, number>()
  readonly #completing: Ticker
  #started = false
  #closed = false

  static async open(options: KeptRecordingsOptions): Promise<KeptRecordings> {
    const { directory } = options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const left = new Map<string, Kept>()
    for (const name of await readdir(directory)) {
      const kept = NAME.test(name) ? await readKept(join(directory, name)) : undefined
      if (kept) left.set(kept.owner.id, kept)
      else if (!LeftParts.isOne(name)) await rm(join(directory, name), { force: true })
    }
    const recordings = new KeptRecordings(options, left)
    const isComplete = ({ manifest }: Kept) => manifest.complete
    await recordings.#parts.recall(new Set([...left.values()].filter(isComplete).map(idOf)))
    return recordings
  }

  private constructor(options: KeptRecordingsOptions, left: Map<string, Kept>) {
    const { log, directory, maxLeftBytes: maxBytes } = options
    this.#options = options
    this.#left = left
    this.#parts = new LeftParts({ directory, log, ...(maxBytes !== undefined && { maxBytes }) })
    const work = () => this.#completeAll()
    this.#completing = new Ticker({
      ...{ name: 'complete recordings', everyMs: TRY_AGAIN_MS, log, work },
    })
  }

  /** From now on those that an earlier process has left, and nobody has claimed, are completed. */
  start(): void {
    this.#started = true
    this.#completing.start()
  }

  /** Where a session's recording goes; what its manifest says is known to the next process too. */
  sinkFor(owner: RecordingOwner): RecordingSink {
    const sink = this.#options.sinkOf(owner)
    return {
      write: async (name, bytes) => {
        if (name !== MANIFEST) return sink.write(name, bytes)
        const manifest = JSON.parse(Buffer.from(bytes).toString()) as Manifest
        await this.#keep({ owner, manifest })
        if (!manifest.complete) return sink.write(name, bytes)
        this.#left.set(owner.id, { owner, manifest })
        // What a store that is away has not taken comes before it, with the next try.
        if (this.#parts.namesOf(owner.id).length > 0) return
        await sink.write(name, bytes)
        await this.#forget(owner.id)
      },
      leave: (parts) => this.#parts.keep(owner.id, parts),
    }
  }

  /** The manifest of a recording that an earlier process did not end; who claims it goes on with it, or abandons it. */
  claim(id: string): Manifest | undefined {
    const kept = this.#left.get(id)
    if (!kept || kept.manifest.complete) return undefined
    this.#left.delete(id)
    this.#triedSinceMs.delete(id)
    return kept.manifest
  }

  abandon(owner: RecordingOwner, manifest: Manifest): void {
    this.#left.set(owner.id, { owner, manifest })
    // Before the start others may still be claimed.
    if (this.#started) this.#completing.nudge()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await within(CLOSE_MS, this.#completing[Symbol.asyncDispose]())
  }

  async #completeAll(): Promise<void> {
    let failed: unknown
    for (const kept of [...this.#left.values()]) {
      if (this.#closed) return
      await this.#complete(kept).catch((error: unknown) => (failed = error))
    }
    if (failed) throw failed
  }

  async #complete({ owner, manifest }: Kept): Promise<void> {
    const { clock, log } = this.#options
    const whole = manifest.complete ? manifest : interrupted(manifest, clock.now())
    try {
      await this.#store(owner, whole)
    } catch (error) {
      if (!isUnwanted(error) && !this.#isTriedEnough(owner)) throw error
      log.error({ err: error, session: owner.id }, 'a recording could not be completed')
    }
    await this.#forget(owner.id)
  }

  async #store(owner: RecordingOwner, manifest: Manifest): Promise<void> {
    const sink = this.#options.sinkOf(owner)
    for (const name of this.#parts.namesOf(owner.id)) {
      await sink.write(name, await this.#parts.read(owner.id, name))
    }
    await sink.write(MANIFEST, Buffer.from(JSON.stringify(manifest)))
  }

  #isTriedEnough({ id }: RecordingOwner): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    const sinceMs = this.#triedSinceMs.get(id) ?? nowMs
    this.#triedSinceMs.set(id, sinceMs)
    return nowMs >= sinceMs + GIVEN_UP_AFTER_MS
  }

  /** A disk that is full costs what the next process could have done, not the recording. */
  async #keep(kept: Kept): Promise<void> {
    const file = this.#file(kept.owner.id)
    try {
      await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (error) {
      const { log } = this.#options
      log.warn({ err: error, session: kept.owner.id }, 'a recording could not be kept in mind')
    }
  }

  async #forget(id: string): Promise<void> {
    this.#left.delete(id)
    this.#triedSinceMs.delete(id)
    await rm(this.#file(id), { force: true })
    await this.#parts.forget(id)
  }

  #file(id: string): string {
    return join(this.#options.directory, `${id}.json`)
  }
}

function idOf({ owner }: Kept): string {
  return owner.id
}

/** Nothing of a file that a crash has spoilt. */
async function readKept(path: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as Partial<Kept>
    return kept.owner?.id && kept.manifest?.parts ? (kept as Kept) : undefined
  } catch {
    return undefined
  }
}
