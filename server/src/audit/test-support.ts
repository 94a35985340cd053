import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { z } from 'zod'
import { makeKeyring } from '#kernel/crypto.ts'
import { type DatabaseAddress, DatabasePool, type Db } from '#kernel/db.ts'
import { defineEvent, personal } from '#kernel/events.ts'
import { openLocalStore } from '#kernel/storage/local.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { openTestKernel, type TestKernel } from '#kernel/test-kernel.ts'
import { eventually, temporaryPath } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { chainBatch } from './chain.ts'
import type { Vault } from './head-keys.ts'
import type { AuditHead } from './schema.ts'
import { type Verification, verifyChain } from './verify.ts'
import { gatherWitnesses } from './witnesses.ts'

export const noted = defineEvent(
  'thing.noted',
  'Something was noted',
  z.object({ id: z.string(), text: z.string(), email: personal(z.string().optional()) }),
)

/** A clock that goes only when it is told to. */
export class DayClock {
  #ms = Date.parse('2026-11-20T12:00:00.000Z')

  now(): Date {
    return new Date(this.#ms)
  }

  monotonicMs(): number {
    return this.#ms
  }

  nextDay(): void {
    this.#ms += 24 * 60 * 60 * 1000
  }
}

export interface TestAudit extends AsyncDisposable {
  kernel: TestKernel
  address: DatabaseAddress
  clock: DayClock
  vault: Vault
  store: ObjectStore
  /** Announces as many facts, each in a transaction of its own. */
  note(count: number): Promise<void>
  /** Links all that has happened. */
  chain(): Promise<void>
  /** With the heads of the database, and the store's unless told. */
  verify(options?: VerifyMore, db?: Db): Promise<Verification>
  /** What a verification comes to after the database's owner did this; it is undone again. */
  after(statements: string, options?: VerifyMore): Promise<Verification>
  /** The same within the owner's transaction, for more than statements. */
  asOwner(work: (db: Db) => Promise<void>, options?: VerifyMore): Promise<Verification>
}

interface VerifyMore {
  from?: number
  to?: number
  kept?: AuditHead
  withoutStore?: boolean
}

export const USER = {
  kind: 'user',
  userId: 'usr_ann',
  accountId: 'acc_ann',
  roles: [],
  signInId: 'sgn_1',
} as const
export const CLIENT = { address: '192.0.2.1', agent: 'test/1' }

export async function openTestAudit(): Promise<TestAudit> {
  const stack = new AsyncDisposableStack()
  const { address } = stack.use(await cloneDatabase())
  const clock = new DayClock()
  const kernel = stack.use(await openTestKernel({ address, clock }))
  const vault = makeKeyring(randomBytes(32))
  const root = temporaryPath()
  const store = stack.use(
    await openLocalStore({ root, publicUrl: () => '', signingKey: randomBytes(32), clock }),
  )
  const ctx = kernel.contextFor({ actor: USER, client: CLIENT })
  let notes = 0
  const verify = async (
    { from, to, kept, withoutStore = false }: VerifyMore = {},
    db = kernel.db,
  ) => {
    const head = kept && { head: kept, source: 'a file' }
    const options = { vault, store, now: clock.now(), kept: head }
    const { witnesses, keys } = await gatherWitnesses(db, options)
    const used = witnesses.filter(({ source }) => !withoutStore || source !== 'the object store')
    return verifyChain(db, { from, to, witnesses: used, keys })
  }
  const asOwner: TestAudit['asOwner'] = async (work, options) => {
    await using owner = new DatabasePool({ address, poolSize: 1, log: kernel.log })
    const transaction = await owner.db.startTransaction().execute()
    try {
      await work(transaction)
      return await verify(options, transaction)
    } finally {
      await transaction.rollback().execute()
    }
  }
  return {
    ...{ kernel, address, clock, vault, store, verify, asOwner },
    note: async (count) => {
      for (let left = count; left > 0; left--) {
        const id = `thg_${++notes}`
        const email = notes % 2 === 0 ? `${id}@example.test` : undefined
        await ctx.transaction((ctx) => ctx.events.emit(noted, { id, text: `note ${id}`, email }))
      }
    },
    // Transactions of other databases hold it up, too.
    chain: () =>
      eventually('all is linked', async () => {
        await chainBatch(kernel.ctx)
        const { rows } = await sql<{ done: boolean }>`
          select (select count(*) from events) = (select count(*) from audit_chain) as done`.execute(
          kernel.db,
        )
        return rows[0]!.done
      }).then(() => undefined),
    after: (statements, options) =>
      asOwner(async (db) => void (await sql.raw(statements).execute(db)), options),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
