import { readFile } from 'node:fs/promises'
import { clearAllowlist } from '#addresses/index.ts'
import { AuditHead, gatherWitnesses, type Verification, verifyChain } from '#audit/index.ts'
import { systemClock } from '#kernel/clock.ts'
import { APP_ROLE, DatabasePool } from '#kernel/db.ts'
import { Problem } from '#kernel/problem.ts'
import { App } from './app.ts'
import { readConfig } from './environment.ts'
import { type Ground, openGround } from './main.ts'
import { migrateAll } from './parts/migrations.ts'
import { openStore } from './parts/object-store.ts'
import { openKms, openSealingKeys } from './parts/sealing.ts'

/** Brings the database to the newest version, and says how many migrations ran. */
export async function migrateCommand(): Promise<void> {
  await onGround(async ({ database, log }) => {
    const ran = await migrateAll({ address: database, log: log.category('database') })
    process.stdout.write(
      ran === 0 ? 'The database is up to date.\n' : `${ran} migrations applied.\n`,
    )
  })
}

/** Makes a super-admin, also while the server runs. */
export async function createAdminCommand(person: {
  email: string
  password: string
}): Promise<void> {
  await withApp(async (app) => {
    const user = await app.identity.createSuperAdmin(app.systemContext(), person)
    process.stdout.write(`${user.email} is a super-admin now.\n`)
  })
}

/** Lets staff in from anywhere again, also while the server runs: for those who have locked themselves out. */
export async function clearAllowlistCommand(): Promise<void> {
  await withApp(async (app) => {
    const ranges = await clearAllowlist(app.systemContext())
    process.stdout.write(`The allowlist of staff is empty now; it had ${ranges} ranges.\n`)
  })
}

/** Runs with the product that serves nobody, also beside one that does; what it refuses is shown and is the command's failure. */
export async function withApp(work: (app: App) => Promise<void>): Promise<void> {
  await onGround(async (ground) => {
    const app = await App.open(ground)
    try {
      await work(app)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      process.stderr.write(`${describe(error)}\n`)
      process.exitCode = 1
    } finally {
      await app.stop()
    }
  })
}

/**
 * Verifies the hash chain of the audit log, also while the server runs. Names the first row that is not as it was, with exit status 1.
 */
export async function verifyAuditCommand({ from, to, head }: VerifyAuditArguments): Promise<void> {
  const kept = head === undefined ? undefined : { head: await readHead(head), source: head }
  await onGround(async ({ config, home, database, log }) => {
    const connection = { address: database, role: APP_ROLE, log: log.category('database') }
    await using pool = new DatabasePool({ ...connection, poolSize: 2 })
    using kms = openKms(config)
    await using keys = await openSealingKeys(config, {
      ...{ home, log, db: pool.db, clock: systemClock, kms },
    })
    const { keyring } = keys
    await using store = await openStore(config, home, {
      ...{ publicUrl: () => '', signingKey: keyring.derive('object URLs'), clock: systemClock },
    })
    const options = { vault: keyring, store, now: systemClock.now(), kept }
    const witnesses = await gatherWitnesses(pool.db, options)
    report(await verifyChain(pool.db, { from, to, ...witnesses }))
  })
}

interface VerifyAuditArguments {
  from?: number
  to?: number
  /** Path of a head that was kept elsewhere. */
  head?: string
}

async function readHead(path: string): Promise<AuditHead> {
  try {
    return AuditHead.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    throw new Error(`${path} is not an audit head as GET /v1/admin/audit/heads lists them`, {
      cause: error,
    })
  }
}

function report({ rows, from, to, heads, erased, unchained, bad }: Verification): void {
  if (bad) {
    const which = bad.eventId ? `${bad.sequence} (${bad.eventId})` : bad.sequence
    process.stderr.write(`Row ${which}: ${bad.what}.\n`)
    process.exitCode = 1
    return
  }
  const more = unchained > 0 ? `; ${unchained} newer events are not linked yet` : ''
  process.stdout.write(
    `${rows} rows are as they were, ${from} to ${to}, with ${heads} signed heads; ` +
      `personal data of ${erased} was erased${more}.\n`,
  )
}

/** Runs with the database of the server that runs here, or with one of its own for as long as it takes. */
async function onGround(work: (ground: Ground) => Promise<void>): Promise<void> {
  const ground = await openGround(readConfig(), { serving: false })
  try {
    await work(ground)
  } finally {
    await ground.close()
  }
}

function describe(problem: Problem): string {
  const errors = problem.facts.errors ?? []
  return [problem.message, ...errors.map(({ path, message }) => `  ${path}: ${message}`)].join('\n')
}
