import { systemClock } from '#kernel/clock.ts'
import type { Relay } from './relay.ts'
import type { BeatFacts, BeatRelay, RelayBeatAnswer } from './relay-schema.ts'
import type { LineRing } from './line-ring.ts'

/** All links are named this often; in between their number tells enough. */
const NAME_EVERY_MS = 30_000
const LINES_AT_ONCE = 200
const MIB = 1024 * 1024

export interface ReporterOptions {
  relay: Pick<Relay, 'facts' | 'linkIds' | 'dropLinks'>
  version: string
  lines: LineRing
  /** What else it tells of itself. */
  more?(): Partial<Pick<BeatFacts, 'certificateExpiresAt' | 'journal' | 'error'>>
}

/** Makes the beats of one life of a relay, and does what the answers ask for. */
export class RelayReporter {
  readonly #options: ReporterOptions
  /** Rises over restarts too: only a higher one counts. */
  #sequence = systemClock.now().getTime()
  #namedAtMs: number | undefined
  /** Those of the last two beats that named them: one that is named twice is no link that is just being opened. */
  #named: ReadonlySet<string> = new Set()
  #namedBefore: ReadonlySet<string> = new Set()

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  nextSequence(): number {
    return ++this.#sequence
  }

  compose(): BeatRelay {
    const lines = this.#options.lines.pending(LINES_AT_ONCE)
    return {
      ...{ sequence: this.nextSequence(), facts: this.#facts() },
      ...(this.#isTimeToName() && { links: this.#name() }),
      ...(lines.length > 0 && { lines }),
    }
  }

  /** Throws nothing away before it was taken. */
  took(beat: BeatRelay, { sequence, drop, tellLinks }: RelayBeatAnswer): void {
    this.#sequence = Math.max(this.#sequence, sequence)
    const last = beat.lines?.at(-1)?.sequence
    if (last !== undefined) this.#options.lines.taken(last)
    const lost = drop.filter((id) => this.#namedBefore.has(id))
    if (lost.length > 0) this.#options.relay.dropLinks(lost)
    // What it has named for the first time may have been opened meanwhile: ask once more.
    const isUnsure = lost.length < drop.length
    if (tellLinks || isUnsure) this.#namedAtMs = undefined
  }

  #isTimeToName(): boolean {
    const nowMs = systemClock.monotonicMs()
    return this.#namedAtMs === undefined || nowMs - this.#namedAtMs >= NAME_EVERY_MS
  }

  #name(): string[] {
    const links = this.#options.relay.linkIds()
    this.#namedAtMs = systemClock.monotonicMs()
    this.#namedBefore = this.#named
    this.#named = new Set(links)
    return links
  }

  #facts(): BeatFacts {
    const { relay, version, more } = this.#options
    return {
      ...{ ...relay.facts, version, memoryMib: Math.round(process.memoryUsage.rss() / MIB) },
      ...{ uptimeSeconds: process.uptime(), now: systemClock.now().toISOString(), ...more?.() },
    }
  }
}
