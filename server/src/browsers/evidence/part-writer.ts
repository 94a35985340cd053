import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Clock } from '#kernel/clock.ts'
import { within } from '#kernel/within.ts'
import { type Frame, packFrame } from './frame-format.ts'
import { type EndedBy, MANIFEST, type Manifest, type Part, type TimelineEvent } from './manifest.ts'
import type { RecordingSink } from './sink.ts'

const compress = promisify(gzip)
const FLUSH_BYTES = 1024 * 1024
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const SINK_DEADLINE_MS = 60_000
const MAX_EVENT_BYTES = 128 * 1024

export interface PartWriterOptions {
  manifest: Manifest
  sink: RecordingSink
  clock: Clock
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

/** Gathers frames and events and writes them as numbered parts, each followed by a manifest that names it. */
export class PartWriter {
  readonly #options: PartWriterOptions
  readonly #waiting = { frames: nothing(), timeline: nothing() }
  readonly #numbers: Record<Part['kind'], number>
  #writing: Promise<void> = Promise.resolve()
  /** On their way to the sink, and in no total yet. */
  #underWayBytes = 0
  #failed = false
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
    this.#writing = this.#writing.then(() => this.#write(true))
    return this.#writing
  }

  addFrame(frame: Omit<Frame, 'bytes'>): void {
    if (this.#add('frames', packFrame(frame), frame.ms)) this.#options.manifest.totals.frames += 1
  }

  addEvent(event: TimelineEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    if (line.length > MAX_EVENT_BYTES) this.#options.manifest.totals.dropped += 1
    else if (this.#add('timeline', line, event.ms)) this.#options.manifest.totals.events += 1
  }

  /** Writes what waits, after what is being written. Never rejects: a sink that fails ends the recording. */
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
    const reason = this.#failed ? 'sink' : endedBy
    Object.assign(this.#options.manifest, { complete: true, endedBy: reason })
    await this.#put(MANIFEST, this.#manifest()).catch(() => {})
  }

  #add(kind: 'frames' | 'timeline', chunk: Buffer, ms: number): boolean {
    const { manifest, maxBytes, onFull } = this.#options
    if (this.#full) return false
    const together = this.#waiting.frames.bytes + this.#waiting.timeline.bytes + chunk.length
    if (manifest.totals.bytes + this.#underWayBytes + together > maxBytes) {
      this.#full = true
      onFull('limit')
      return false
    }
    if (together > MAX_WAITING_BYTES) {
      manifest.totals.dropped += 1
      return false
    }
    const waiting = this.#waiting[kind]
    if (waiting.chunks.length === 0) waiting.fromMs = ms
    waiting.chunks.push(chunk)
    waiting.bytes += chunk.length
    waiting.toMs = Math.max(waiting.toMs, ms)
    manifest.lastMs = Math.max(manifest.lastMs, ms)
    if (together >= FLUSH_BYTES) void this.flush()
    return true
  }

  async #write(always = false): Promise<void> {
    this.#queued = false
    try {
      const wrote = [await this.#writePart('frames'), await this.#writePart('timeline')]
      if (always || wrote.includes(true)) await this.#put(MANIFEST, this.#manifest())
    } catch (error) {
      this.#failed = true
      if (this.#full) return
      this.#full = true
      this.#options.onFull('sink', error)
    }
  }

  async #writePart(kind: 'frames' | 'timeline'): Promise<boolean> {
    const { chunks, fromMs, toMs } = this.#waiting[kind]
    if (chunks.length === 0) return false
    this.#waiting[kind] = nothing()
    const number = String(++this.#numbers[kind]).padStart(6, '0')
    const name = `${kind}-${number}${kind === 'frames' ? '.bin' : '.jsonl.gz'}`
    const whole = Buffer.concat(chunks)
    this.#underWayBytes = whole.length
    const content = kind === 'frames' ? whole : await compress(whole)
    await this.#put(name, content)
    const { manifest } = this.#options
    const bytes = content.length
    this.#underWayBytes = 0
    manifest.parts.push({ name, kind, bytes, entries: chunks.length, fromMs, toMs })
    manifest.totals.bytes += bytes
    return true
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
