import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Problem } from '#kernel/problem.ts'
import { consoleLines } from './console-log.ts'
import { type Frame, unpackFrames } from './frame-format.ts'
import { har } from './har.ts'
import { MANIFEST, type Manifest, type Part, type TimelineEvent } from './manifest.ts'
import { recordingProblems } from './problems.ts'
import type { RecordingSource } from './sink.ts'
import { trace } from './trace.ts'

const decompress = promisify(gunzip)
// A part is flushed at 1 MiB; a frame or a line can be on top of that.
const MAX_PART_BYTES = 32 * 1024 * 1024

/** Reads a stored recording, also one that goes on or whose process was killed. At most a few parts are in memory at once. */
export class RecordingReader {
  readonly #source: RecordingSource
  readonly manifest: Manifest

  private constructor(source: RecordingSource, manifest: Manifest) {
    this.#source = source
    this.manifest = manifest
  }

  /** @throws problem `recording.unreadable`, or what the source throws */
  static async open(source: RecordingSource): Promise<RecordingReader> {
    const text = String(await source.read(MANIFEST))
    return new RecordingReader(source, parseManifest(text))
  }

  /** In the order in which they were recorded. @throws problem `recording.unreadable` */
  async *events(): AsyncGenerator<TimelineEvent> {
    for (const part of this.#parts('timeline')) {
      const packed = await this.#source.read(part.name)
      const lines = await decompress(packed, { maxOutputLength: MAX_PART_BYTES }).catch(damaged)
      for (const line of String(lines).split('\n')) {
        if (line) yield JSON.parse(line) as TimelineEvent
      }
    }
  }

  /** The frames between two offsets, both included. @throws problem `recording.unreadable` */
  async *frames({ from = 0, to = Infinity } = {}): AsyncGenerator<Frame> {
    for (const part of this.#parts('frames')) {
      if (part.toMs < from || part.fromMs > to) continue
      for (const { offset: _offset, ...frame } of unpack(await this.#source.read(part.name))) {
        if (frame.ms >= from && frame.ms <= to) yield frame
      }
    }
  }

  /** HTTP Archive 1.2 in pieces of JSON. Empty of requests when the network was not recorded. */
  har(): AsyncGenerator<string> {
    return har(this)
  }

  /** What pages wrote to the console, as lines for people or as JSON Lines. */
  consoleLog({ format = 'text' }: { format?: 'text' | 'jsonl' } = {}): AsyncGenerator<string> {
    return consoleLines(this, format)
  }

  /** A zip that `npx playwright show-trace` and trace.playwright.dev open. */
  trace(): Promise<Readable> {
    return trace(this)
  }

  #parts(kind: Part['kind']): Part[] {
    return this.manifest.parts.filter((part) => part.kind === kind)
  }
}

function unpack(part: Buffer) {
  try {
    return [...unpackFrames(part)]
  } catch (error) {
    return damaged(error)
  }
}

function parseManifest(text: string): Manifest {
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format === 'gantry-recording' && manifest.version === 1) return manifest
    throw recordingProblems.unreadable({ reason: 'it is of another format' })
  } catch (error) {
    return damaged(error)
  }
}

function damaged(cause: unknown): never {
  if (cause instanceof Problem) throw cause
  throw recordingProblems.unreadable({ reason: 'a part of it is damaged', cause })
}
