import { Problem } from '#kernel/problem.ts'
import { App } from './app.ts'
import { readConfig } from './environment.ts'
import { type Ground, openGround } from './main.ts'
import { migrateAll } from './migrations.ts'

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
