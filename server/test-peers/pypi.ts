import { execFile, type ExecFileException } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CACHE = join(import.meta.dirname, '../../node_modules/.cache')
const INSTALL_DEADLINE_MS = 5 * 60_000

/** A program of a Python package. */
export interface PyPiProgram {
  name: string
  version: string
  /** As pip is asked for it; the name unless given. */
  wanted?: string
  /** What it is called once it is installed. */
  file: string
}

/** A program from PyPI, installed into a virtual environment of its own when it is not there yet. */
export async function findProgram({
  name,
  version,
  wanted = name,
  file,
}: PyPiProgram): Promise<{ program: string } | { missing: string }> {
  const directory = join(CACHE, `${name}-${version}`)
  const program = join(directory, 'bin', file)
  if (existsSync(join(directory, 'complete'))) return { program }
  const options = { timeout: INSTALL_DEADLINE_MS }
  try {
    await mkdir(CACHE, { recursive: true })
    await rm(directory, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', directory], options)
    const pip = ['-m', 'pip', 'install', '--quiet', `${wanted}==${version}`]
    await run(join(directory, 'bin/python'), pip, options)
    await mkdir(join(directory, 'complete'))
    return { program }
  } catch (error) {
    return { missing: `${name} ${version} cannot be installed: ${reasonOf(error)}` }
  }
}

function reasonOf(error: unknown): string {
  const { message, stderr } = error as ExecFileException
  return (stderr || message).trim().split('\n').slice(-3).join(' ')
}
