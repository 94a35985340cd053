import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A system user without rights of its own, under which root runs a program that it does not trust. */
export interface SystemUser {
  name: string
  uid: number
  gid: number
}

/** Absent members: the program runs as ourselves, since we are not root. */
export interface Users {
  database?: SystemUser
  browser?: SystemUser
}

// Two users, so that a page that breaks out of Chromium still cannot open the database's files.
const NAMES = {
  database: ['gantry-postgres', 'postgres'],
  browser: ['gantry-browser', 'nobody'],
} as const

const ADD_ATTEMPTS = 40
const ADD_PAUSE_MS = 100
const CHILD_DEADLINE_MS = 10_000
/** All that a program started for another user gets to see of ours. */
export const CHILD_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/**
 * The users for PostgreSQL and Chromium when this process is root, made when the machine lacks them; none otherwise.
 *
 * @throws Error that names the commands to run, when a user is absent and cannot be made.
 */
export async function findUsers(
  needed: readonly (keyof Users)[] = ['database', 'browser'],
): Promise<Users> {
  const users: Users = {}
  if (process.getuid?.() !== 0) return users
  for (const part of needed) users[part] = await findUser(NAMES[part])
  return users
}

/**
 * Runs a short program as the user, or as ourselves without one, with none of our environment. Status undefined: it cannot be
 * run, or outlived its 10 s.
 */
export function runAs(
  user: SystemUser | undefined,
  program: string,
  args: string[],
): Promise<{ status: number | undefined; output: string }> {
  const options = {
    uid: user?.uid,
    gid: user?.gid,
    cwd: '/',
    env: CHILD_ENVIRONMENT,
    timeout: CHILD_DEADLINE_MS,
  }
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const status = error ? error.code : 0
      resolve({
        status: typeof status === 'number' ? status : undefined,
        output: stdout + (stderr || (error?.message ?? '')),
      })
    })
  })
}

/** Whether the kernel lets this user enter the directory, or run the file: every parent counts. */
export async function canEnter(user: SystemUser, path: string): Promise<boolean> {
  const { status } = await runAs(user, '/bin/sh', ['-c', 'test -x "$0"', path])
  return status === 0
}

async function findUser([own, existing]: readonly [string, string]): Promise<SystemUser> {
  const found = (await lookUp(own)) ?? (await addUser(own)) ?? (await lookUp(existing))
  if (found) return found
  throw new Error(
    `As root, Gantry needs the system user ${own} and could not make it. ` +
      `Run \`useradd ${addFlags(own).join(' ')}\`, or start Gantry as an ordinary user.`,
  )
}

async function lookUp(name: string): Promise<SystemUser | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n')
  const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':')
  return fields && { name, uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** Undefined when this machine does not let us. Two callers at once get the same user. */
async function addUser(name: string): Promise<SystemUser | undefined> {
  if (!(await isWritable('/etc'))) return undefined
  for (let attempt = 0; attempt < ADD_ATTEMPTS; attempt++) {
    const { status } = await runAs(undefined, 'useradd', addFlags(name))
    const added = await lookUp(name)
    if (added) return added
    // 1 and 10: another program holds the lock of the user or the group file.
    if (status !== 1 && status !== 10) return undefined
    await sleep(ADD_PAUSE_MS * (0.5 + Math.random()))
  }
  return undefined
}

function addFlags(name: string): string[] {
  const shell = ['--shell', '/usr/sbin/nologin']
  return [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    ...shell,
    name,
  ]
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}
