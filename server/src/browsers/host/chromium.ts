import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { Home } from '#kernel/home.ts'
import type { Logger } from '#kernel/log.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { unpackCarried } from './carried.ts'
import type { Program } from './launch.ts'
import { forgetProof, proofKey, recallProof, rememberProof } from './proof-memory.ts'
import { type Proof, prove } from './prove.ts'

/** A Chromium that runs on this machine, and how well. */
export type Chromium = Program & Proof

export interface FindOptions {
  /** `CHROMIUM_PATH`; when given, nothing else is tried. */
  configured?: string
  home: Home
  /** Who is to run it, when we are root. */
  user?: SystemUser
  log: Logger
  env: { PATH?: string }
}

type Candidate = Pick<Program, 'path' | 'environment'>

/**
 * Where distributions put the program itself. It comes before what is in PATH, which is often a script that adds switches of its
 * own and takes longer to start.
 */
const PROGRAMS = [
  '/opt/google/chrome/chrome',
  '/usr/lib/chromium/chromium',
  '/usr/lib64/chromium-browser/chromium-browser',
  '/usr/lib/chromium-browser/chromium-browser',
]
const NAMES = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser']
const USUAL_DIRECTORIES = ['/usr/local/bin', '/usr/bin', '/bin', '/snap/bin']

/**
 * The configured Chromium, else the system's, else the one that npm carries: the first that has been launched and has answered.
 * A second search goes by what the first one found, as long as the files are the same.
 *
 * @throws Error that says why none can run, and what to install.
 */
export async function findChromium(options: FindOptions): Promise<Chromium> {
  const memory = await recallProof(options)
  const failures: string[] = []
  const failed: string[] = []
  for await (const candidate of candidates(options)) {
    const key = await proofKey(candidate.path, options).catch(() => candidate.path)
    if (key === memory?.proven) return { ...candidate, ...memory.proof }
    if (memory?.failed.includes(key)) continue
    try {
      const proof = await prove(candidate, options)
      await rememberProof(options, { failed, proven: key, proof })
      options.log.info({ path: candidate.path, ...proof }, 'chromium found')
      return { ...candidate, ...proof }
    } catch (error) {
      failures.push(`${candidate.path}: ${(error as Error).message}`)
      failed.push(key)
      options.log.debug({ path: candidate.path, err: error }, 'chromium cannot run')
    }
  }
  // What had failed before deserves another try now that nothing else is left.
  if (memory) return forgetProof(options).then(() => findChromium(options))
  throw new Error(explain(options.configured, failures))
}

async function* candidates(options: FindOptions): AsyncGenerator<Candidate> {
  const { configured, home, log } = options
  if (configured !== undefined) return yield { path: configured, environment: {} }
  for (const path of await systemPrograms(options.env.PATH ?? '')) yield { path, environment: {} }
  const carried = await unpackCarried(home, log)
  if (carried) yield carried
}

/** Each program once, by whichever name comes first. */
async function systemPrograms(searchPath: string): Promise<Iterable<string>> {
  const directories = [...searchPath.split(':').filter(isAbsolute), ...USUAL_DIRECTORIES]
  const named = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)))
  const found = new Map<string, string>()
  for (const path of [...PROGRAMS, ...named]) {
    const program = await access(path, constants.X_OK)
      .then(() => realpath(path))
      .catch(() => undefined)
    if (program && !found.has(program)) found.set(program, path)
  }
  return found.values()
}

function explain(configured: string | undefined, failures: string[]): string {
  const tried = failures.map((failure) => `  ${failure}`).join('\n')
  if (configured !== undefined) {
    return `CHROMIUM_PATH names a Chromium that cannot run here:\n${tried}`
  }
  return `No Chromium can run here.${tried && `\nTried:\n${tried}`}
Install one and start again:
  Debian           apt-get update && apt-get install -y chromium
  Ubuntu           the .deb of Google Chrome, since Ubuntu's own chromium is a snap that may not use our directories
  Fedora, RHEL     dnf install -y chromium
  Alpine           apk add chromium
  Arch             pacman -S --noconfirm chromium
or set CHROMIUM_PATH to the program of a Chrome or Chromium that you have.`
}
