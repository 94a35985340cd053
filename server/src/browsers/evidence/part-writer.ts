import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { within } from '#kernel/within.ts'
import { type Frame, packFrame } from './frame-format.ts'
import { type EndedBy, MANIFEST, type Manifest, type Part, type TimelineEvent } from './manifest.ts'
import { asStored, withGap } from './resume.ts'
import type { RecordingSink } from './sink.ts'
import { isUnwanted } from './unwanted.ts'

const compress = promisify(gzip)
const FLUSH_BYTES = 1024 * 1024
/** What is not stored yet, all together. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const SINK_DEADLINE_MS = 60_000
const MAX_EVENT_BYTES = 128 * 1024

export interface PartWriterOptions {
  manifest: Manifest
  sink: RecordingSink
  clock: Clock
  log: Logger
  maxBytes: number
  /** Called once, when nothing more is taken. */
  onFull: (endedBy: EndedBy, error?: unknown) => void
}

interface Waiting {
  chunks: Buffer[]
  bytes: number
  fromMs: number
  toMs: number
}

/** A part that has its name, and is not stored yet. */
interface Sealed {
  part: Part
  content: Buffer
}

const KINDS = ['frames', 'timeline'] as const

/**
 * Gathers frames and events and writes them as numbered parts, each followed by a manifest that names it. While the sink is away what
 * comes is kept, 8 MiB at most, and tried again with each `flush`; what comes beyond that is missing, and told as a gap.
 */
export class PartWriter {
  readonly #options: PartWriterOptions
  readonly #waiting = { frames: nothing(), timeline: nothing() }
  readonly #numbers: Record<Part['kind'], number>
  #writing: Promise<void> = Promise.resolve()
  /** On their way to the sink, and in no total yet: at most one of each kind, and none before the manifest names those before. */
  readonly #sealed: Sealed[] = []
  #manifestIsDue = false
  #isAway = false
  /** Offset of the last thing that could be kept, while nothing can be. */
  #overflowedMs: number | undefined
  #queued = false
  #full = false

  constructor(options: PartWriterOptions) {
    this.#options = options
    const { manifest } = options
    this.#numbers = {
      frames: lastNumber(manifest, 'frames'),
      timeline: lastNumber(manifest, 'timeline'),
    }
  }

  /** Writes the manifest while there is nothing new in it. Never rejects, as `flush`. */
  begin(): Promise<void> {
    this.#manifestIsDue = true
    return this.flush()
  }

  addFrame(frame: Omit<Frame, 'bytes'>): void {
    if (this.#add('frames', packFrame(frame), frame.ms)) this.#options.manifest.totals.frames += 1
  }

  addEvent(event: TimelineEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    if (line.length > MAX_EVENT_BYTES) this.#options.manifest.totals.dropped += 1
    else if (this.#add('timeline', line, event.ms)) this.#options.manifest.totals.events += 1
  }

  /** Writes what waits, after what is being written. Never rejects: what the sink did not take is kept for the next time. */
  flush(): Promise<void> {
    if (!this.#queued) {
      this.#queued = true
      this.#writing = this.#writing.then(() => this.#write())
    }
    return this.#writing
  }

  async finish(endedBy: EndedBy): Promise<void> {
    this.#full = true
    await this.flush()
    const { manifest } = this.#options
    if (endedBy !== 'sink') await this.#leave()
    const lost = this.#unstoredBytes > 0
    if (lost) Object.assign(manifest, asStored(manifest))
    Object.assign(manifest, { complete: true, endedBy: lost ? 'sink' : endedBy })
    await this.#put(MANIFEST, this.#manifest()).catch(() => {})
  }

  /** What the sink could not take by the end is kept where it is stored later. */
  async #leave(): Promise<void> {
    if (this.#unstoredBytes === 0) return
    const { sink } = this.#options
    for (const kind of KINDS) await this.#seal(kind)
    this.#endGap()
    const parts = this.#sealed.map(({ part, content }) => ({ name: part.name, bytes: content }))
    if (!(await sink.leave?.(parts))) return
    for (const { part } of this.#sealed.splice(0)) this.#count(part)
  }

  #count(part: Part): void {
    const { manifest } = this.#options
    manifest.parts.push(part)
    manifest.totals.bytes += part.bytes
  }

  #add(kind: 'frames' | 'timeline', chunk: Buffer, ms: number): boolean {
    const { manifest, maxBytes, onFull } = this.#options
    if (this.#full) return false
    const together = this.#unstoredBytes + chunk.length
    if (manifest.totals.bytes + together > maxBytes) {
      this.#full = true
      onFull('limit')
      return false
    }
    if (this.#overflowedMs !== undefined || together > MAX_WAITING_BYTES) {
      manifest.totals.dropped += 1
      this.#overflowedMs ??= manifest.lastMs
      return false
    }
    const waiting = this.#waiting[kind]
    if (waiting.chunks.length === 0) waiting.fromMs = ms
    waiting.chunks.push(chunk)
    waiting.bytes += chunk.length
    waiting.toMs = Math.max(waiting.toMs, ms)
    manifest.lastMs = Math.max(manifest.lastMs, ms)
    if (together >= FLUSH_BYTES && !this.#isAway) void this.flush()
    return true
  }

  get #unstoredBytes(): number {
    const sealed = this.#sealed.reduce((sum, { part }) => sum + part.bytes, 0)
    return sealed + this.#waiting.frames.bytes + this.#waiting.timeline.bytes
  }

  async #write(): Promise<void> {
    this.#queued = false
    const { log, manifest } = this.#options
    try {
      await this.#store()
      for (const kind of KINDS) await this.#seal(kind)
      this.#endGap()
      await this.#store()
    } catch (error) {
      return this.#missed(error)
    }
    if (this.#isAway) log.info({ session: manifest.sessionId }, 'a recording is stored again')
    this.#isAway = false
  }

  #missed(error: unknown): void {
    const { log, manifest, onFull } = this.#options
    if (isUnwanted(error)) {
      if (!this.#full) onFull('sink', error)
      this.#full = true
    } else if (!this.#isAway) {
      this.#isAway = true
      log.warn({ err: error, session: manifest.sessionId }, 'a recording waits for its store')
    }
  }

  /** Gives what waits a name; from now on it never changes. */
  async #seal(kind: Part['kind']): Promise<void> {
    const { chunks, fromMs, toMs } = this.#waiting[kind]
    if (chunks.length === 0) return
    const number = String(++this.#numbers[kind]).padStart(6, '0')
    const name = `${kind}-${number}${kind === 'frames' ? '.bin' : '.jsonl.gz'}`
    const whole = Buffer.concat(chunks)
    const part = { name, kind, bytes: whole.length, entries: chunks.length, fromMs, toMs }
    const sealed = { part, content: whole }
    this.#sealed.push(sealed)
    this.#waiting[kind] = nothing()
    if (kind === 'frames') return
    sealed.content = await compress(whole)
    part.bytes = sealed.content.length
  }

  /** Stores what is sealed and then the manifest. */
  async #store(): Promise<void> {
    for (let next = this.#sealed[0]; next; next = this.#sealed[0]) {
      const { part, content } = next
      await this.#put(part.name, content)
      this.#sealed.shift()
      this.#count(part)
      this.#manifestIsDue = true
    }
    if (!this.#manifestIsDue) return
    await this.#put(MANIFEST, this.#manifest())
    this.#manifestIsDue = false
  }

  #endGap(): void {
    const fromMs = this.#overflowedMs
    if (fromMs === undefined) return
    const { manifest, clock } = this.#options
    const toMs = Math.max(fromMs, clock.now().getTime() - Date.parse(manifest.startedAt))
    manifest.gaps = withGap(manifest, { fromMs, toMs })
    this.#overflowedMs = undefined
    this.#manifestIsDue = true
  }

  #manifest(): Buffer {
    const { manifest, clock } = this.#options
    manifest.updatedAt = clock.now().toISOString()
    return Buffer.from(JSON.stringify(manifest))
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const written = this.#options.sink.write(name, bytes)
    if (!(await within(SINK_DEADLINE_MS, written)))
      throw new Error(`${name} was not stored in time`)
  }
}

/** For each gap one is left out: the last part of each killed process may still be on its way. */
function lastNumber({ parts, gaps }: Manifest, wanted: Part['kind']): number {
  const numbers = parts
    .filter(({ kind }) => kind === wanted)
    .map(({ name }) => Number(/-(\d+)\./.exec(name)?.[1] ?? 0))
  return Math.max(0, ...numbers) + (gaps?.length ?? 0)
}

function nothing(): Waiting {
  return { chunks: [], bytes: 0, fromMs: 0, toMs: 0 }
}
