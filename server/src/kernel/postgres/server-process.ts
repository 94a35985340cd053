import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  isSameProcess,
  type ProcessFacts,
  processTable,
  signalProcess,
  startTicks,
  waitForExit,
} from '../processes.ts'
import { CHILD_ENVIRONMENT, type SystemUser } from '../unprivileged.ts'

/** What is run, and on what; the same for every start of one server. */
export interface ServerPlan {
  program: string
  args: string[]
  data: string
  logPath: string
  user?: SystemUser
}

export interface ServerProcess {
  pid: number
  startTicks: number
  /** Settles when it has ended, however it ended. */
  ended: Promise<void>
  /** Where its own lines begin in the server log. */
  logFrom: number
}

const FAST_DEADLINE_MS = 20_000
const IMMEDIATE_DEADLINE_MS = 5_000
const KILL_DEADLINE_MS = 5_000
const SWEEPS = 20
const ADOPTED_POLL_MS = 200
const LOG_ROTATE_BYTES = 10 * 1024 * 1024

/** The server's name in the titles of its processes, by which they are known once the first of them has died. */
export function clusterName(data: string): string {
  return `gantry-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`
}

/** Starts the server in a session of its own, so that neither our death nor a terminal's Ctrl-C reaches it. */
export function spawnServer({ program, args, logPath, user }: ServerPlan): ServerProcess {
  const logFrom = rotate(logPath)
  const log = openSync(logPath, 'a', 0o600)
  try {
    const child = spawn(program, args, {
      detached: true,
      uid: user?.uid,
      gid: user?.gid,
      cwd: '/',
      env: CHILD_ENVIRONMENT,
      stdio: ['ignore', log, log],
    })
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    if (child.pid === undefined) throw new Error(`${program} cannot be run`)
    child.unref()
    return { pid: child.pid, startTicks: startTicks(child.pid) ?? 0, ended, logFrom }
  } finally {
    closeSync(log)
  }
}

/** The server that a killed owner left on this data directory, and whether it runs as the plan says. */
export function findSurvivor(
  plan: ServerPlan,
): { server: ServerProcess; asPlanned: boolean } | undefined {
  const found = processesOf(plan).filter((facts) => isPostmaster(facts, plan.data))
  // A child that has not yet set its title looks like its parent.
  const first = found.find(({ ppid }) => !found.some(({ pid }) => pid === ppid))
  if (!first) return undefined
  const { pid, startTicks } = first
  return {
    server: { pid, startTicks, ended: endOf(pid, startTicks), logFrom: sizeOf(plan.logPath) },
    asPlanned: first.cmdline.join('\0') === [plan.program, ...plan.args].join('\0'),
  }
}

/** Ends the server and whatever is left of its processes: politely for 20 s, then at once, then by force. */
export async function shutDown(server: ServerProcess, plan: ServerPlan): Promise<void> {
  const steps = [
    ['SIGINT', FAST_DEADLINE_MS],
    ['SIGQUIT', IMMEDIATE_DEADLINE_MS],
  ] as const
  for (const [signal, deadlineMs] of steps) {
    if (!signalServer(server, signal)) break
    if (await waitForExit(server.pid, server.startTicks, deadlineMs)) break
  }
  await killRemnants(plan)
}

/** The line of the server log that says why it ended, as far as it said so; else the last. */
export function lastWords({ logFrom }: ServerProcess, { logPath }: ServerPlan): string {
  const lines = readFileSync(logPath).subarray(logFrom).toString().trim().split('\n')
  return lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? ''
}

/** False when it has ended. */
export function signalServer({ pid, startTicks }: ServerProcess, signal: NodeJS.Signals): boolean {
  return isSameProcess(pid, startTicks) && signalProcess(pid, signal)
}

/** Ends every process of a server whose first process is gone: while one is left, no other may open the data. */
export async function killRemnants(plan: ServerPlan): Promise<void> {
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const left = processesOf(plan)
    if (left.length === 0) return
    for (const { pid } of left) signalProcess(pid, 'SIGKILL')
    await Promise.all(
      left.map(({ pid, startTicks }) => waitForExit(pid, startTicks, KILL_DEADLINE_MS)),
    )
  }
  throw new Error(`Processes of an earlier PostgreSQL on ${plan.data} do not end`)
}

function processesOf({ data, user }: ServerPlan): ProcessFacts[] {
  const title = `postgres: ${clusterName(data)}: `
  const owner = user?.uid ?? process.getuid?.()
  return processTable().filter(
    (facts) =>
      facts.state !== 'Z' &&
      (isPostmaster(facts, data) || facts.cmdline[0]?.startsWith(title)) &&
      ownerOf(facts.pid) === owner,
  )
}

function isPostmaster({ cmdline }: ProcessFacts, data: string): boolean {
  return Boolean(cmdline[0]?.endsWith('/postgres')) && cmdline[1] === '-D' && cmdline[2] === data
}

/** Any user may give a process any title; only that of the right user is believed. */
function ownerOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid
}

/** For a process that is not our child. Keeps nobody awake. */
async function endOf(pid: number, ticks: number): Promise<void> {
  while (isSameProcess(pid, ticks)) await sleep(ADOPTED_POLL_MS, undefined, { ref: false })
}

function rotate(path: string): number {
  if (sizeOf(path) > LOG_ROTATE_BYTES) renameSync(path, `${path}.1`)
  return sizeOf(path)
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
