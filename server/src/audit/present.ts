import { sql } from 'kysely'
import type { Actor } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { FoundEvent } from '#kernel/events.ts'
import type { AuditEntry } from './schema.ts'

interface Link {
  eventId: string
  sequence: number
  hash: string
}

/** Entries of found events, each with its place in the chain as far as it has one. */
export async function presentEntries(db: Db, events: readonly FoundEvent[]): Promise<AuditEntry[]> {
  const links = await readLinks(db, events)
  return events.map((event) => presentEntry(event, links.get(event.eventId)))
}

async function readLinks(db: Db, events: readonly FoundEvent[]): Promise<Map<string, Link>> {
  const { rows } = await sql<Link>`
    select event_id as "eventId", sequence::float8 as "sequence", encode(hash, 'hex') as "hash"
    from audit_chain where event_id = any(${events.map(({ eventId }) => eventId)})`.execute(db)
  return new Map(rows.map((link) => [link.eventId, link]))
}

function presentEntry(event: FoundEvent, link: Link | undefined): AuditEntry {
  const { eventId, kind, accountId, target, client, correlationId, data, result } = event
  return {
    ...{ id: eventId, at: event.occurredAt.toISOString(), actor: presentActor(event.actor) },
    ...{ action: kind, result, data },
    ...(accountId !== null && { accountId }),
    ...(target !== null && { target }),
    ...(client && { address: client.address }),
    ...(client?.agent !== undefined && { agent: client.agent }),
    ...(correlationId !== null && { correlationId }),
    ...(event.isErased && { erased: true as const }),
    ...(link && { sequence: link.sequence, hash: link.hash }),
  }
}

function presentActor(actor: Actor): AuditEntry['actor'] {
  return {
    kind: actor.kind,
    ...(actor.kind === 'system' && { name: actor.name }),
    ...('userId' in actor && { userId: actor.userId, roles: [...actor.roles] }),
    ...('keyId' in actor && { keyId: actor.keyId }),
  }
}
