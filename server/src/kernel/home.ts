import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { canEnter, findUsers, type SystemUser, type Users } from './unprivileged.ts'

/** The data directory: everything that Gantry keeps on this machine, but for sockets whose path would be too long. */
export interface Home {
  path: string
  /** Facts about running processes: locks, addresses. Worthless after a reboot. */
  run: string
  keys: string
  logs: string
  objects: string
  /** The database's files, and the server's programs where its user cannot reach ours. */
  postgres: string
  sessions: string
  browsers: string
}

const PRIVATE = 0o700
const PASSABLE = 0o711
/** Directories that the unprivileged users pass through to reach what is theirs below. */
const SHARED = new Set(['postgres', 'sessions', 'browsers'])
const APART = '/var/lib/gantry'

/**
 * Chooses the data directory and makes it with its parts: `wanted` when given (relative to the checkout), else `.gantry` in the
 * checkout, else, as root in a checkout that the unprivileged users cannot enter, a directory of its own below /var/lib/gantry.
 *
 * @throws Error that says what to change when `wanted`, or a directory that already holds data, cannot serve.
 */
export async function openHome({
  wanted,
  checkout,
  users,
}: {
  wanted?: string
  checkout: string
  /** Found when absent. */
  users?: Users
}): Promise<Home> {
  const guests = Object.values(users ?? (await findUsers())).filter((user) => user !== undefined)
  const path = wanted ? resolve(checkout, wanted) : await chooseDefault(checkout, guests)
  const home = layOut(path)
  try {
    await makeDirectory(path, isRoot() ? PASSABLE : PRIVATE)
    for (const user of guests) await demandEntry(user, path)
    for (const part of Object.values(home)) if (part !== path) await makePart(part)
  } catch (error) {
    throw new Error(`The data directory ${path} cannot serve: ${explain(error)}`, { cause: error })
  }
  return home
}

function layOut(path: string): Home {
  return {
    path,
    run: join(path, 'run'),
    keys: join(path, 'keys'),
    logs: join(path, 'logs'),
    objects: join(path, 'objects'),
    postgres: join(path, 'postgres'),
    sessions: join(path, 'sessions'),
    browsers: join(path, 'browsers'),
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** A directory that holds data stays the choice, even when the rights of the checkout have changed since. */
async function chooseDefault(checkout: string, guests: SystemUser[]): Promise<string> {
  const inside = join(checkout, '.gantry')
  if (!isRoot() || (await exists(join(inside, 'keys')))) return inside
  const apart = join(APART, await nameOf(checkout))
  if (await exists(apart)) return apart
  return (await isOpenTo(guests, checkout)) ? inside : apart
}

async function nameOf(checkout: string): Promise<string> {
  const path = await realpath(checkout)
  const hash = createHash('sha256').update(path).digest('hex')
  return `${basename(path).replaceAll(/[^\w.-]/g, '-')}-${hash.slice(0, 8)}`
}

async function isOpenTo(guests: SystemUser[], checkout: string): Promise<boolean> {
  const writable = await access(checkout, constants.W_OK).then(
    () => true,
    () => false,
  )
  const enterable = await Promise.all(guests.map((user) => canEnter(user, checkout)))
  return writable && enterable.every(Boolean)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Makes the directory and its missing parents. One that exists keeps its rights: it may be somebody's mount point. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  // Set afterwards, since the umask takes away from what mkdir is told.
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, mode)
}

async function makePart(path: string): Promise<void> {
  const mode = isRoot() && SHARED.has(basename(path)) ? PASSABLE : PRIVATE
  await mkdir(path, { recursive: true })
  const { uid } = await stat(path)
  if (uid !== process.getuid?.()) {
    throw new Error(
      `${path} belongs to the user with uid ${uid}. ` +
        'Start Gantry as that user, or set GANTRY_HOME to another directory.',
    )
  }
  await chmod(path, mode)
  if (((await stat(path)).mode & 0o777) !== mode) {
    throw new Error('its file system keeps no access rights. Set GANTRY_HOME to one that does.')
  }
}

async function demandEntry(user: SystemUser, path: string): Promise<void> {
  if (await canEnter(user, path)) return
  let closed = path
  while (closed !== '/' && !(await canEnter(user, dirname(closed)))) closed = dirname(closed)
  throw new Error(
    `the user ${user.name} may not enter ${closed}. Set GANTRY_HOME to a directory that every user ` +
      `can reach, such as ${APART}, or run \`chmod o+x ${closed}\`.`,
  )
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined) return message
  return `${message}. Set GANTRY_HOME to a directory that this user may write.`
}
