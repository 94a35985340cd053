import { sql } from 'kysely'
import pg from 'pg'
import type { DatabaseAddress } from '../db.ts'
import { defineReader, type Reader } from '../events.ts'
import { openTestKernel } from '../test-kernel.ts'

/** Where recorders note what they handled, in the transaction that handles it. */
export async function makeRecords(address: DatabaseAddress): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  await client.query(`
    create table handled (place bigserial, reader text, event_id text, batch text);
    grant select, insert on handled to gantry_app;
    grant usage on sequence handled_place_seq to gantry_app`)
  await client.end()
}

export function recorder(name: string, onHandled?: () => void): Reader {
  return defineReader({
    name,
    from: 'beginning',
    handle: async (ctx, { eventId }) => {
      await sql`
        insert into handled (reader, event_id, batch)
        values (${name}, ${eventId}, pg_current_xact_id()::text)`.execute(ctx.db)
      onHandled?.()
    },
  })
}

// As a program: a process that reads, and tells of each event before it is committed, until it is killed.
if (import.meta.main) {
  const [address, name] = process.argv.slice(2) as [string, string]
  const kernel = await openTestKernel({ address: JSON.parse(address) })
  await kernel.read([recorder(name, () => process.stdout.write('.'))])
}
