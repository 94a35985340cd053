import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from '../home.ts'
import { signalGroup } from '../processes.ts'
import { CHILD_ENVIRONMENT, type SystemUser } from '../unprivileged.ts'
import { makeDraft, removeDirectory } from './drafts.ts'
import { writePrivateFile } from './private-file.ts'
import type { Programs } from './programs.ts'

export const SUPERUSER = 'gantry'

const INITDB_DEADLINE_MS = 120_000
const KEPT_OUTPUT = 4_000

/**
 * The database's files and the superuser's password, both made at the first start.
 *
 * @throws Error when the files are of another major version, or their password is lost.
 */
export async function openDataDirectory(
  home: Home,
  programs: Programs,
  durable: boolean,
  user?: SystemUser,
): Promise<{ data: string; password: string }> {
  const data = join(home.postgres, 'data')
  const passwordFile = join(home.keys, 'postgres.password')
  const made = await readOrNothing(join(data, 'PG_VERSION'))
  let password = await readOrNothing(passwordFile)
  if (made) {
    demandVersion(data, made, programs)
    if (!password)
      throw new Error(`${passwordFile} is missing: restore it from the backup of ${home.path}.`)
    return { data, password }
  }
  password ??= randomBytes(32).toString('base64url')
  await writePrivateFile(passwordFile, password)
  await makeDataDirectory(home, programs, { data, password, durable, user })
  return { data, password }
}

function demandVersion(data: string, made: string, { version }: Programs): void {
  const major = version.split('.')[0]
  if (made === major) return
  throw new Error(
    `${data} was made by PostgreSQL ${made} and this Gantry carries PostgreSQL ${major}. Dump it with the Gantry that ` +
      'made it and restore the dump into a new data directory, or set DATABASE_URL.',
  )
}

async function makeDataDirectory(
  home: Home,
  { initdb }: Programs,
  wanted: { data: string; password: string; durable: boolean; user?: SystemUser },
): Promise<void> {
  const { user, durable } = wanted
  const draft = await makeDraft(home, user)
  const passwordFile = join(draft, 'password')
  await writeFile(passwordFile, wanted.password, { mode: 0o600, flag: 'wx' })
  if (user) await chown(passwordFile, user.uid, user.gid)
  const flags = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', '--no-instructions']
  const sync = durable ? [] : ['--no-sync']
  const directory = join(draft, 'data')
  const where = ['-D', directory, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`]
  await runInitdb(initdb, [...where, ...flags, ...sync], user)
  await rename(directory, wanted.data)
  if (durable) await syncDirectory(home.postgres)
  await removeDirectory(draft)
}

/** In a process group of its own, which is how the next start finds and ends it if we are killed meanwhile. */
async function runInitdb(initdb: string, args: string[], user?: SystemUser): Promise<void> {
  const child = spawn(initdb, args, {
    detached: true,
    uid: user?.uid,
    gid: user?.gid,
    cwd: '/',
    env: { ...CHILD_ENVIRONMENT, TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (text) => (output = (output + text).slice(-KEPT_OUTPUT)))
  const timer = setTimeout(() => child.pid && signalGroup(child.pid, 'SIGKILL'), INITDB_DEADLINE_MS)
  try {
    const ending = await new Promise<unknown>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve(status ?? signal))
    })
    if (ending !== 0) throw new Error(`initdb ended with ${String(ending)}: ${output.trim()}`)
  } finally {
    clearTimeout(timer)
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  await directory.sync()
  await directory.close()
}

async function readOrNothing(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.trim() || undefined
}
