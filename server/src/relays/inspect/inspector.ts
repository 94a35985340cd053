import type { TunnelConfig } from '#tunnels/index.ts'
import { Capture } from './capture.ts'
import type { Decision } from './decision.ts'
import type { DecisionRoom } from './room.ts'
import { type SeenRequest, present } from './present.ts'
import { type ReplayedRequest, type Replayed, replayable } from './replay.ts'

export interface Kept {
  decision: Decision
  /** That the decision takes in memory, roughly. */
  bytes: number
  capture: Capture | undefined
}

/** Makes a request anew, through everything that a visitor's passes; returns the id of its own decision. */
export type Replayer = (request: ReplayedRequest) => Promise<string>

export interface InspectorOptions {
  room: DecisionRoom
  replayer: Replayer
}

export interface Page {
  requests: SeenRequest[]
  /** What the next page begins after; undefined when there is none. */
  after?: string
}

const RING = 100
const OBJECT_BYTES = 512

/** The last requests of one tunnel: what was decided for them and, while the inspector is on, what passed. */
export class Inspector {
  readonly #options: InspectorOptions
  #config: TunnelConfig['inspector'] = { enabled: false, bodyBytes: 0 }
  /** The oldest first. */
  #kept: Kept[] = []

  constructor(options: InspectorOptions) {
    this.#options = options
  }

  apply(config: TunnelConfig['inspector']): void {
    this.#config = config
    if (!config.enabled) this.#forgetBodies()
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0
  }

  /** What one request is shown to while it passes; undefined unless the owner wants that. */
  capture(): Capture | undefined {
    const { enabled, bodyBytes } = this.#config
    return enabled ? new Capture(this.#options.room, bodyBytes) : undefined
  }

  /** Once, at its end. */
  record(decision: Decision, capture?: Capture): void {
    const { room } = this.#options
    const bytes = sizeOf(decision)
    capture?.close()
    if (!this.#config.enabled) capture?.drop()
    if (!room.take(bytes)) return capture?.drop()
    this.#kept.push({ decision, bytes, capture: this.#config.enabled ? capture : undefined })
    if (this.#kept.length > RING) this.dropOldest()
    room.added(this)
  }

  /** The newest first. `after` is of an earlier page, of any relay. */
  list({ limit, after }: { limit: number; after?: string }): Page {
    const all = this.#kept.map((kept) => ({ kept, place: placeOf(kept.decision) }))
    const below = all
      .filter(({ place }) => after === undefined || place < after)
      .toSorted((one, other) => (one.place < other.place ? 1 : -1))
    const page = below.slice(0, limit)
    const requests = page.map(({ kept }) => present(kept))
    return { requests, ...(below.length > page.length && { after: page.at(-1)!.place }) }
  }

  get(id: string): SeenRequest | undefined {
    const kept = this.#find(id)
    return kept && present(kept, { whole: true })
  }

  /**
   * Makes the same request again. One whose body was not kept whole, or of which something secret was left out, is refused;
   * `withoutSecrets` makes the latter without what was left out.
   */
  async replay(id: string, options: { withoutSecrets?: boolean } = {}): Promise<Replayed> {
    const request = replayable(this.#find(id), options)
    if ('refused' in request) return request
    return { requestId: await this.#options.replayer(request) }
  }

  /** @internal Of the room, when there are too many in all. */
  dropOldest(): void {
    const dropped = this.#kept.shift()
    if (!dropped) return
    dropped.capture?.drop()
    this.#options.room.removed(dropped.bytes)
  }

  /** @internal */
  dropAll(): void {
    while (!this.isEmpty) this.dropOldest()
  }

  #find(id: string): Kept | undefined {
    return this.#kept.findLast(({ decision }) => decision.id === id)
  }

  #forgetBodies(): void {
    for (const kept of this.#kept) {
      kept.capture?.drop()
      kept.capture = undefined
    }
  }
}

function sizeOf({ path = '', host = '', retries }: Decision): number {
  return OBJECT_BYTES + path.length + host.length + retries.length * OBJECT_BYTES
}

/** Sorts by the end of a request, whichever relay it was. */
function placeOf({ endedAtMs, id }: Decision): string {
  return `${String(Math.round(endedAtMs)).padStart(15, '0')}-${id}`
}
