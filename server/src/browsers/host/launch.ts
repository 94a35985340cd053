import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { signalGroup, startTicks } from '#kernel/processes.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { askProduct } from './devtools.ts'
import { watchEndpoint } from './endpoint-file.ts'
import { type Frame, type Identity, identityEnvironment, identitySwitches } from './identity.ts'
import type { SlotDirectory } from './slot-directory.ts'
import { commonSwitches, egressSwitches } from './switches.ts'

/** A program to launch, as far as launching it goes. */
export interface Program {
  path: string
  headlessShell: boolean
  frame: Frame
  /** Where it finds the libraries and fonts that it carries; empty for a system's own. */
  environment: Readonly<Record<string, string>>
  /** As it said of itself when it was found. */
  version?: string
}

export interface LaunchSpec {
  program: Program
  identity: Identity
  directory: SlotDirectory
  proxyPort: number
  user?: SystemUser
  sandbox: 'on' | 'off'
  /** Whether everything that Chromium has to say goes to its error file, or only why it ended. */
  verbose?: boolean
  signal: AbortSignal
  deadlineMs: number
  /** Told as soon as there is a process, long before it answers. */
  onSpawn?: (process: SpawnedProcess) => void
  /** Told as soon as it listens, before it has answered. */
  onEndpoint?: (endpoint: string) => void
}

export interface SpawnedProcess {
  child: ChildProcess
  pid: number
  startTicks: number
}

export interface LaunchedBrowser extends SpawnedProcess {
  /** `ws://127.0.0.1:…/devtools/browser/…` */
  endpoint: string
  /** Such as `Chrome/156.0.8078.79`, or `HeadlessChrome/…` for a headless shell. */
  product: string
}

export class LaunchFailed extends Error {
  readonly reason: 'not_started' | 'exited' | 'too_slow' | 'aborted'
  /** The end of what Chromium and the loader had to say. */
  readonly stderrTail: string

  constructor(reason: LaunchFailed['reason'], message: string, stderrTail = '') {
    super(stderrTail ? `${message}: ${tellingLine(stderrTail)}` : message)
    this.name = 'LaunchFailed'
    this.reason = reason
    this.stderrTail = stderrTail
  }
}

const STDERR_TAIL_BYTES = 4096
/** When memory runs out the kernel takes browsers before us. Below what Chromium asks for its pages: those go first. */
const OOM_SCORE = '200'

/**
 * Starts Chromium in a session and process group of its own, and waits until it has answered a command. After a failure its
 * group has been killed; the directory is the caller's to remove.
 *
 * @throws LaunchFailed
 */
export async function launchBrowser(spec: LaunchSpec): Promise<LaunchedBrowser> {
  if (spec.signal.aborted) throw new LaunchFailed('aborted', 'The launch was aborted')
  using file = watchEndpoint(spec.directory.profile)
  const spawned = await start(spec)
  const worst = Promise.withResolvers<never>()
  worst.promise.catch(() => {})
  const stopWatching = watchForTheWorst(spawned.child, spec, worst.reject)
  try {
    const endpoint = await Promise.race([file.endpoint, worst.promise])
    spec.onEndpoint?.(endpoint)
    const product = await Promise.race([askProduct(endpoint, spec.deadlineMs), worst.promise])
    offerToKernel(spawned.pid)
    return { ...spawned, endpoint, product }
  } catch (error) {
    signalGroup(spawned.pid, 'SIGKILL')
    throw await explain(error, spec)
  } finally {
    stopWatching()
  }
}

async function start(spec: LaunchSpec): Promise<SpawnedProcess> {
  const { program, directory, user } = spec
  try {
    const child = spawn(program.path, switchesOf(spec), {
      detached: true,
      cwd: directory.path,
      env: environmentOf(spec),
      stdio: ['ignore', 'ignore', directory.stderr.fd],
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    if (child.pid === undefined) await once(child, 'spawn')
    const spawned = { child, pid: child.pid!, startTicks: startTicks(child.pid!) ?? 0 }
    spec.onSpawn?.(spawned)
    return spawned
  } catch (error) {
    const message = `${program.path} cannot be started: ${(error as Error).message}`
    throw new LaunchFailed('not_started', message)
  }
}

/** Not before it has answered, since it begins with setting the score to zero. Where we may not, nothing is lost. */
function offerToKernel(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE)
  } catch {}
}

function switchesOf({ program, identity, directory, proxyPort, sandbox, verbose }: LaunchSpec) {
  return [
    ...commonSwitches(program.headlessShell),
    ...identitySwitches(identity, program.frame),
    ...egressSwitches(proxyPort),
    `--user-data-dir=${directory.profile}`,
    ...(sandbox === 'off' ? ['--no-sandbox'] : []),
    // Otherwise a page could fill the disk through Chromium's log.
    ...(verbose ? [] : ['--log-level=3']),
    'about:blank',
  ]
}

function environmentOf({ program, identity, directory }: LaunchSpec): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: directory.path,
    // By way of the working directory, since Chromium puts a socket there and the path of a socket has 107 bytes at most.
    TMPDIR: '/proc/self/cwd/tmp',
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    ...identityEnvironment(identity),
    ...program.environment,
  }
}

function watchForTheWorst(
  child: ChildProcess,
  { signal, deadlineMs }: LaunchSpec,
  fail: (error: LaunchFailed) => void,
): () => void {
  const onExit = (status: number | null, signalName: string | null) =>
    fail(new LaunchFailed('exited', `Chromium ended at once (${signalName ?? `status ${status}`})`))
  const onAbort = () => fail(new LaunchFailed('aborted', 'The launch was aborted'))
  const timer = setTimeout(
    () => fail(new LaunchFailed('too_slow', `Chromium was not ready within ${deadlineMs} ms`)),
    deadlineMs,
  )
  child.once('exit', onExit)
  signal.addEventListener('abort', onAbort)
  return () => {
    clearTimeout(timer)
    child.off('exit', onExit)
    signal.removeEventListener('abort', onAbort)
  }
}

async function explain(error: unknown, { directory }: LaunchSpec): Promise<LaunchFailed> {
  const { reason, message } =
    error instanceof LaunchFailed
      ? error
      : { reason: 'exited' as const, message: (error as Error).message }
  return new LaunchFailed(reason, message, await tailOf(directory))
}

async function tailOf({ stderr }: SlotDirectory): Promise<string> {
  const { size } = await stderr.stat()
  const length = Math.min(size, STDERR_TAIL_BYTES)
  const { buffer } = await stderr.read(Buffer.alloc(length), 0, length, size - length)
  return buffer.toString('utf8').trim()
}

const TELLING = [/sandbox|cannot open shared object|FATAL/, /ERROR/, /./]

/** The line that says why, without the time and place that Chromium puts before it. */
function tellingLine(text: string): string {
  const lines = text.split('\n')
  const line = TELLING.map((pattern) => lines.find((line) => pattern.test(line))).find(Boolean)
  return (line ?? '').replace(/^\[[^\]]*\] */, '')
}
