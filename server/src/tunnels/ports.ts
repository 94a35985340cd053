import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from './parts.ts'
import { problems } from './problems.ts'

/**
 * A port for a TCP tunnel: one that was never used before, or else the one that was given back longest ago, since clients of its last
 * tunnel may still call. For a caller of `changing`: nobody else takes one meanwhile.
 *
 * @throws problem `tunnel.ports_exhausted`
 */
export async function freePort(
  { db }: Context,
  { ports: [first, last] }: Pick<TunnelParts, 'ports'>,
): Promise<number> {
  const { rows } = await sql<{ port: number }>`
    select port from generate_series(${first}::integer, ${last}::integer) as port
    left join lateral (
      select max(deleted_at) as freed_at, bool_or(deleted_at is null) as is_taken
      from tunnels where tunnels.port = port.port
    ) as use on true
    where use.is_taken is not true
    order by use.freed_at nulls first, port limit 1`.execute(db)
  const [row] = rows
  if (!row) throw problems.portsExhausted({ first, last })
  return row.port
}
