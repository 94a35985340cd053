import type { Clock } from '../clock.ts'
import type { Origin } from '../context.ts'
import type { Db } from '../db.ts'
import type { Doorbell } from '../doorbell.ts'
import type { EventKind, Fact } from '../events.ts'
import type { NewId } from '../ids.ts'
import { takeApart } from './personal.ts'

export interface EventLogParts {
  clock: Clock
  newId: NewId
  doorbell: Doorbell
}

/** The append-only log of facts that all readers follow. */
export class EventLog {
  readonly #parts: EventLogParts

  constructor(parts: EventLogParts) {
    this.#parts = parts
  }

  /**
   * Writes facts, in their order, with the transaction `db`; the caller calls `wake` once it has committed.
   *
   * @throws ZodError when the data of one is not of its kind
   */
  async write(db: Db, origin: Origin, facts: readonly Fact[]): Promise<void> {
    if (facts.length === 0) return
    const rows = facts.map((fact) => this.#rowOf(origin, fact))
    await db.insertInto('events').values(rows).execute()
  }

  /** Tells the readers of all processes to look; always the same function, so that one transaction calls it once. */
  readonly wake = (): void => this.#parts.doorbell.ring('events')

  #rowOf(origin: Origin, { kind, data: given }: Fact) {
    const whole = kind.data.parse(given)
    const { data, text, digest } = takeApart(kind, whole, origin.client)
    return {
      eventId: this.#parts.newId('evt'),
      kind: kind.name,
      accountId: origin.accountId ?? null,
      actor: JSON.stringify(origin.actor),
      data: JSON.stringify(data),
      target: targetOf(kind, whole),
      result: kind.result(whole),
      personal: text,
      personalDigest: digest,
      correlationId: origin.correlationId,
      occurredAt: this.#parts.clock.now(),
    }
  }
}

function targetOf({ target }: EventKind, data: unknown): string | null {
  const named = (data as Record<string, unknown> | null)?.[target]
  return typeof named === 'string' ? named : null
}
