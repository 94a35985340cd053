import type { DatabaseAddress } from '#kernel/db.ts'
import { installQueue } from '#kernel/jobs.ts'
import type { Logger } from '#kernel/log.ts'
import { migrate, readMigrations } from '#kernel/migrate.ts'

const DIRECTORY = new URL('../../migrations', import.meta.url).pathname

/** Brings the product's schema and the queue's to their newest versions. Returns how many migrations ran. */
export function migrateAll(options: { address: DatabaseAddress; log: Logger }): Promise<number> {
  return migrate({ ...options, migrations: readMigrations(DIRECTORY), afterwards: installQueue })
}
