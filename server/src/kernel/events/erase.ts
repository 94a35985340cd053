import { sql } from 'kysely'
import type { Db } from '../db.ts'

/** Erases the personal part of up to `most` events that the person caused or that are about them; returns how many they were. */
export async function erasePersonal(db: Db, userId: string, most: number): Promise<number> {
  const { rows } = await sql<{ erased: number }>`
    select erase_personal_events(${userId}, ${most}) as erased`.execute(db)
  return rows[0]!.erased
}
