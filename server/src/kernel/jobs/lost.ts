import type pg from 'pg'
import { QUEUE_SCHEMA } from './install.ts'
import { HEARTBEAT_SECONDS } from './queues.ts'

type Database = Pick<pg.Pool, 'query'>

/** Queues again, at once, the jobs whose worker has fallen silent. Those without a try left are buried by pg-boss's own watch. */
export async function requeueLost(pool: Database): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`
    update ${QUEUE_SCHEMA}.job
    set state = 'retry', start_after = now(), heartbeat_on = null,
      output = '{"message": "the worker fell silent"}'
    where state = 'active' and heartbeat_on < now() - interval '${HEARTBEAT_SECONDS} seconds'
      and retry_count < retry_limit
    returning id`)
  return rows.map(({ id }) => id)
}

/** Gives a job back that this process cannot finish: another may take it at once, and the broken off try does not count. */
export async function release(
  pool: Database,
  { name, id, retryCount }: { name: string; id: string; retryCount: number },
): Promise<void> {
  await pool.query(
    `update ${QUEUE_SCHEMA}.job
    set state = 'retry', start_after = now(), heartbeat_on = null, retry_limit = retry_limit + 1
    where name = $1 and id = $2 and retry_count = $3 and state = 'active'`,
    [name, id, retryCount],
  )
}

/** Those of the queues in which a job waits that may run now. */
export async function readyQueues(pool: Database, names: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select name from unnest($1::text[]) as queue(name)
    where exists (
      select from ${QUEUE_SCHEMA}.job
      where job.name = queue.name and state < 'active' and not blocked and start_after <= now()
    )`,
    [names],
  )
  return rows.map(({ name }) => name)
}
