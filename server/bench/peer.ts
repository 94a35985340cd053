import pg from 'pg'
import type { DatabaseAddress } from '#kernel/db.ts'

/** What a bare server has to know; it comes in the environment variable `PEER`. */
export interface PeerTask {
  database: DatabaseAddress
  accountId: string
  poolSize: number
}

/** The very query of `GET /v1/sessions/{id}`, by `pg` alone. */
export function openQuery(): (id: string) => Promise<unknown> {
  const { database, accountId, poolSize } = JSON.parse(process.env.PEER!) as PeerTask
  const pool = new pg.Pool({ ...database, max: poolSize })
  const sql = 'select * from "browser_sessions" where "id" = $1 and "account_id" = $2'
  return async (id) => (await pool.query(sql, [id, accountId])).rows[0]
}

export function announce(address: unknown): void {
  console.log((address as { port: number }).port)
}
