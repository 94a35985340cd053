import type { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Origin } from '../context.ts'
import type { Db } from '../db.ts'
import type { Doorbell } from '../doorbell.ts'
import type { EventKind } from '../events.ts'
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

  /** Writes one fact with the transaction `db`; the caller calls `wake` once it has committed. @throws ZodError when the data is not of the kind. */
  async write<Data extends z.ZodType>(
    db: Db,
    origin: Origin,
    kind: EventKind<Data>,
    given: z.input<Data>,
  ): Promise<void> {
    const whole = kind.data.parse(given)
    const { data, text, digest } = takeApart(kind, whole, origin.client)
    await db
      .insertInto('events')
      .values({
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
      })
      .execute()
  }

  /** Tells the readers of all processes to look; always the same function, so that one transaction calls it once. */
  readonly wake = (): void => this.#parts.doorbell.ring('events')
}

function targetOf({ target }: EventKind, data: unknown): string | null {
  const named = (data as Record<string, unknown> | null)?.[target]
  return typeof named === 'string' ? named : null
}
