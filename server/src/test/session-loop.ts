import assert from 'node:assert/strict'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { processTable, signalProcess } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { browserOf } from './slot-file.ts'

/** A running product, in this process or in one of its own. */
export interface Running {
  url: string
  accessToken: string
  /** The data directory. */
  home: string
  /** The process that serves. */
  pid: number
  /** A page that the browsers may open. */
  pageUrl: string
}

const AT_ONCE = 4
const ENDED_MS = 30_000
const CLEAN = { processes: 0, directories: 0, sockets: 0 }

/** Makes and ends sessions, four at a time; every third one by killing its Chromium. Each must have ended clean. */
export async function makeAndEnd(running: Running, sessions: number): Promise<void> {
  const numbers = Array.from({ length: sessions }, (_, at) => at).values()
  const takeTurns = async () => {
    for (const number of numbers) await makeAndEndOne(running, number % 3 === 2)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns))
}

async function makeAndEndOne(running: Running, isKilled: boolean): Promise<void> {
  const { id } = await call(running, 'POST', '/sessions', {})
  const path = `/sessions/${id}`
  const page = await call(running, 'POST', `${path}/navigate`, { url: running.pageUrl })
  assert.equal(page.status, 200)
  const ended = isKilled ? await kill(running, id) : await call(running, 'DELETE', path)
  assert.deepEqual(
    { status: ended.status, reason: ended.endReason, wipe: ended.wipe },
    { status: isKilled ? 'error' : 'closed', reason: isKilled ? 'crashed' : 'asked', wipe: CLEAN },
  )
}

async function kill(running: Running, id: string) {
  signalProcess((await browserOf(running.home, id)).pid, 'SIGKILL')
  return eventually(
    'the session of the killed browser has ended',
    async () => {
      const session = await call(running, 'GET', `/sessions/${id}`)
      return session.wipe && session
    },
    ENDED_MS,
  )
}

/** What there is of sessions on the machine; the same before the first and after the last of them. */
export async function traces(running: Running) {
  const { home, pid } = running
  const inside = `=${join(home, 'sessions')}/`
  const [starting, active] = await Promise.all(
    ['starting', 'active'].map((status) => call(running, 'GET', `/sessions?status=${status}`)),
  )
  return {
    processes: processTable().filter(({ cmdline }) => cmdline.some((part) => part.includes(inside)))
      .length,
    directories: await readdir(join(home, 'sessions')),
    slotFiles: await readdir(join(home, 'run/slots')),
    openRows: [...starting!.items, ...active!.items],
    children: processTable().filter(({ ppid }) => ppid === pid).length,
    listeners: listenersOf(pid).length,
  }
}

/** The ports at which a process listens. */
export function listenersOf(pid: number): number[] {
  const LISTEN = '0A'
  const listening = new Map(
    ['tcp', 'tcp6']
      .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1))
      .map((row) => row.trim().split(/\s+/))
      .filter((row) => row[3] === LISTEN)
      .map((row) => [`socket:[${row[9]}]`, parseInt(row[1]!.split(':')[1]!, 16)]),
  )
  return openFiles(pid)
    .map((target) => listening.get(target))
    .filter((port) => port !== undefined)
}

/** What the file descriptors of a process stand for. */
export function openFiles(pid: number): string[] {
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory).map((fd) => {
    try {
      return readlinkSync(join(directory, fd))
    } catch {
      // Closed since it was listed.
      return ''
    }
  })
}

async function call(
  { url, accessToken }: Running,
  method: string,
  path: string,
  body?: unknown,
  // What comes back is the caller's to know.
  // oxlint-disable-next-line typescript/no-explicit-any
): Promise<any> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${accessToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) assert.fail(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}
