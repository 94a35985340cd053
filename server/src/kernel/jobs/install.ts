import type pg from 'pg'
import { getConstructionPlans, getMigrationPlans } from 'pg-boss'
import manifest from 'pg-boss/package.json' with { type: 'json' }
import { APP_ROLE } from '../db.ts'

/** The schema that pg-boss keeps its tables in. */
export const QUEUE_SCHEMA = 'pgboss'

/** What the admin's list, the counts and the search for lost workers read by, and what the product's role needs at run time. */
const ADDITIONS = `
  create index if not exists job_newest on ${QUEUE_SCHEMA}.job_common (created_on desc, id desc);
  create index if not exists job_open on ${QUEUE_SCHEMA}.job_common (name, state) where state <= 'active';
  create index if not exists job_beats on ${QUEUE_SCHEMA}.job_common (heartbeat_on) where state = 'active';
  grant usage on schema ${QUEUE_SCHEMA} to ${APP_ROLE};
  grant select, insert, update, delete on all tables in schema ${QUEUE_SCHEMA} to ${APP_ROLE};
  grant usage on all sequences in schema ${QUEUE_SCHEMA} to ${APP_ROLE};`

/** Installs the queue's schema, or brings it to the version of the library, as the owner. The caller holds the migrations' lock. */
export async function installQueue(client: pg.Client): Promise<void> {
  const installed = await installedVersion(client)
  if (installed === undefined) await client.query(getConstructionPlans(QUEUE_SCHEMA))
  else if (installed < manifest.pgboss.schema) {
    await client.query(getMigrationPlans(QUEUE_SCHEMA, installed))
  }
  await client.query(ADDITIONS)
}

async function installedVersion(client: pg.Client): Promise<number | undefined> {
  const { rows: found } = await client.query(
    `select to_regclass('${QUEUE_SCHEMA}.version') as version`,
  )
  if (!found[0].version) return undefined
  const { rows } = await client.query<{ version: number }>(
    `select version from ${QUEUE_SCHEMA}.version`,
  )
  return rows[0]?.version
}
