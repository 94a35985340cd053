import { sql } from 'kysely'
import type { DatabaseAddress } from '../db.ts'
import { openTestKernel } from '../test-kernel.ts'
import { Kms } from './kms.ts'
import type { SealedColumn } from './sealed-column.ts'
import { SealingKeys, type SealingKeysOptions } from './sealing-keys.ts'

/** A table of secrets that stands for any. */
export const column: SealedColumn = {
  ...{ table: 'test_secrets', id: 'id', column: 'sealed', purpose: 'test' },
  place: (id) => ['test_secrets', id, 'sealed'],
}

/** The sealing keys of one process over a database and a directory that others may share. */
export async function makeSealingKeys(
  { address, directory }: { address: DatabaseAddress; directory: string },
  change: Partial<SealingKeysOptions> = {},
) {
  const kernel = await openTestKernel({ address })
  try {
    const keys = await SealingKeys.open({
      ...{ db: kernel.db, clock: kernel.ctx.clock, log: kernel.log, directory },
      ...{ kms: new Kms({}), ...change },
    })
    return {
      ...{ kernel, keys, column },
      put: async (count: number) => {
        const rows = Array.from({ length: count }, (_, at) => {
          const id = String(at).padStart(6, '0')
          return { id, sealed: keys.keyring.seal('test', column.place(id), Buffer.from(id)) }
        })
        await sql`insert into test_secrets select * from unnest(${rows.map(({ id }) => id)}::text[],
          ${rows.map(({ sealed }) => sealed)}::bytea[])`.execute(kernel.db)
      },
      /** Ids of the rows that do not open, or hold something else. */
      unreadable: async () => {
        const { rows } = await sql<{ id: string; sealed: Buffer }>`
          select id, sealed from test_secrets`.execute(kernel.db)
        return rows.filter(({ id, sealed }) => {
          try {
            return keys.keyring.open('test', column.place(id), sealed).toString() !== id
          } catch {
            return true
          }
        })
      },
      [Symbol.asyncDispose]: async () => {
        await keys[Symbol.asyncDispose]()
        await kernel[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await kernel[Symbol.asyncDispose]()
    throw error
  }
}
