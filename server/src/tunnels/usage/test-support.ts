import type { TestKernel } from '#kernel/test-kernel.ts'
import type { UsageEntry } from './entry.ts'
import { LATENCY_COUNTS } from './latency.ts'

let made = 0

/** A tunnel with two endpoints, of an account of its own unless one is given. */
export async function addTunnel(
  { db, ctx }: Pick<TestKernel, 'db' | 'ctx'>,
  given: { accountId?: string; deleted?: boolean } = {},
): Promise<{ id: string; accountId: string; endpointIds: [string, string] }> {
  const accountId = given.accountId ?? (await addAccount(db))
  const [id, name, now] = [ctx.newId('tun'), `shop-${process.pid}-${++made}`, ctx.clock.now()]
  const times = { createdAt: now, updatedAt: now }
  await db.insertInto('tunnelNames').values({ name, accountId, takenAt: now }).execute()
  await db
    .insertInto('tunnels')
    .values({
      ...{ id, accountId, name, kind: 'http', status: 'connected', statusSince: now, ...times },
      ...{ createdByUserId: null, port: null, errorMessage: null, started: true, revision: '1' },
      ...{ config: '{}', access: '{}', deletedAt: given.deleted ? now : null },
    } as never)
    .execute()
  const endpointIds: [string, string] = [ctx.newId('end'), ctx.newId('end')]
  for (const [at, endpointId] of endpointIds.entries()) {
    await db
      .insertInto('tunnelEndpoints')
      .values({
        ...{ id: endpointId, tunnelId: id, url: `http://127.0.0.1:${3000 + at}`, agent: 'default' },
        ...{ priority: 0, weight: 1, healthCheck: null, healthStatus: 'unknown', ...times },
      })
      .execute()
  }
  return { id, accountId, endpointIds }
}

async function addAccount(db: TestKernel['db']): Promise<string> {
  const id = `acc_${process.pid}_${++made}`
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  await db
    .insertInto('accounts')
    .values({ id, name: id, kind: 'personal', ...times })
    .execute()
  return id
}

export async function addRelay({ db, ctx }: Pick<TestKernel, 'db' | 'ctx'>): Promise<string> {
  const [id, now] = [ctx.newId('rel'), ctx.clock.now()]
  await db
    .insertInto('relays')
    .values({
      ...{ id, name: id, provider: 'local', status: 'running', statusSince: now, createdAt: now },
      ...{ config: '{}', facts: '{}' },
    } as never)
    .execute()
  return id
}

/** Ten requests, one of which failed, unless told otherwise. */
export function entry(
  given: Pick<UsageEntry, 'sequence' | 'tunnelId' | 'minute'> & Partial<UsageEntry>,
): UsageEntry {
  const latency = Array.from({ length: LATENCY_COUNTS }, (_, at) => (at === 4 ? 10 : 0))
  const counts = { requests: 10, failures: 1, connections: 2, bytesIn: 100, bytesOut: 1_000 }
  return { ...counts, latency, ...given }
}
