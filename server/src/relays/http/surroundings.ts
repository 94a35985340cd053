import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import { PassingBuffers } from '#kernel/memory.ts'
import type { Gates } from '../gate/gates.ts'
import type { Replayer } from '../inspect/inspector.ts'
import type { DecisionRoom } from '../inspect/room.ts'
import type { Meters } from '../measure/meters.ts'

/** What all tunnels of one relay share. */
export interface Surroundings {
  readonly relayId: string
  /** Below which every name is a tunnel's. */
  readonly domain: string
  readonly clock: Clock
  readonly log: Logger
  readonly gates: Gates
  readonly meters: Meters
  readonly room: DecisionRoom
  readonly replayer: Replayer
  readonly sums: Sums
  newRequestId(): string
  /** The relay goes: visitors are asked to come by another connection next time. */
  isDraining: boolean
}

/** Since the relay was opened. */
export class Sums {
  /** Requests, WebSockets and connections under way. */
  underWay = 0
  requests = 0
  failures = 0
  bytesIn = 0
  bytesOut = 0
  readonly #buffers = new PassingBuffers()

  came(bytes: number): void {
    this.bytesIn += bytes
    this.#buffers.passed(bytes)
  }

  went(bytes: number): void {
    this.bytesOut += bytes
    this.#buffers.passed(bytes)
  }
}
