import type { Clock } from '#kernel/clock.ts'
import type { Inspector } from './inspector.ts'

export interface RoomOptions {
  clock: Clock
  /** Decisions of all tunnels together. */
  maxDecisions?: number
  /** Of decisions, headers and bodies, also of requests that are under way. */
  maxBytes?: number
  /** What a tunnel without traffic is forgotten after. */
  idleMs?: number
}

const MAX_DECISIONS = 20_000
const MAX_BYTES = 64 * 1024 * 1024
const IDLE_MS = 15 * 60_000

/** What all inspectors of a relay may keep together. Who was used longest ago gives way. */
export class DecisionRoom {
  readonly #options: Required<RoomOptions>
  /** When each was used last, the longest ago first. */
  readonly #used = new Map<Inspector, number>()
  #decisions = 0
  #bytes = 0

  constructor({
    clock,
    maxDecisions = MAX_DECISIONS,
    maxBytes = MAX_BYTES,
    idleMs = IDLE_MS,
  }: RoomOptions) {
    this.#options = { clock, maxDecisions, maxBytes, idleMs }
  }

  get figures(): { decisions: number; bytes: number; tunnels: number } {
    return { decisions: this.#decisions, bytes: this.#bytes, tunnels: this.#used.size }
  }

  added(inspector: Inspector): void {
    this.#decisions++
    this.#noteUse(inspector)
    while (this.#decisions > this.#options.maxDecisions) this.#makeRoom()
  }

  removed(bytes: number): void {
    this.#decisions--
    this.give(bytes)
  }

  /** Whether there is room for so many bytes; then they are taken. */
  take(bytes: number): boolean {
    while (this.#bytes + bytes > this.#options.maxBytes) if (!this.#makeRoom()) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Forgets tunnels without traffic; to be called now and then. */
  sweep(): void {
    const before = this.#options.clock.monotonicMs() - this.#options.idleMs
    for (const [inspector, usedAtMs] of this.#used) {
      if (usedAtMs <= before) this.forget(inspector)
    }
  }

  forget(inspector: Inspector): void {
    inspector.dropAll()
    this.#used.delete(inspector)
  }

  /** In the order of use, give or take a second: a request costs no move in the map. */
  #noteUse(inspector: Inspector): void {
    const nowMs = this.#options.clock.monotonicMs()
    const usedAtMs = this.#used.get(inspector)
    if (usedAtMs !== undefined && nowMs - usedAtMs < 1000) return
    this.#used.delete(inspector)
    this.#used.set(inspector, nowMs)
  }

  /** Whether there was something to drop. */
  #makeRoom(): boolean {
    const [inspector] = this.#used.keys()
    if (!inspector) return false
    inspector.dropOldest()
    if (inspector.isEmpty) this.#used.delete(inspector)
    return true
  }
}
