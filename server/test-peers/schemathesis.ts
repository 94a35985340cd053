import { execFile, type ExecFileException } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const VERSION = '4.32.5'
const CACHE = join(import.meta.dirname, '../../node_modules/.cache')
const INSTALL_DEADLINE_MS = 4 * 60_000

/** The program, installed from PyPI into a virtual environment of its own when it is not there yet. */
export async function findSchemathesis(): Promise<{ program: string } | { missing: string }> {
  const directory = join(CACHE, `schemathesis-${VERSION}`)
  const program = join(directory, 'bin/schemathesis')
  if (existsSync(join(directory, 'complete'))) return { program }
  const options = { timeout: INSTALL_DEADLINE_MS }
  try {
    await mkdir(CACHE, { recursive: true })
    await rm(directory, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', directory], options)
    const pip = ['-m', 'pip', 'install', '--quiet', `schemathesis==${VERSION}`]
    await run(join(directory, 'bin/python'), pip, options)
    await mkdir(join(directory, 'complete'))
    return { program }
  } catch (error) {
    return { missing: `schemathesis ${VERSION} cannot be installed: ${reasonOf(error)}` }
  }
}

/** Runs it; `passed` is false when it found anything. Its report holds no token: it filters them itself. */
export async function runSchemathesis(
  program: string,
  args: string[],
  options: { cwd: string; deadlineMs: number },
): Promise<{ passed: boolean; report: string }> {
  const settings = {
    cwd: options.cwd,
    timeout: options.deadlineMs,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1', COLUMNS: '120' },
  }
  try {
    return { passed: true, report: (await run(program, args, settings)).stdout }
  } catch (error) {
    const { stdout = '', stderr = '', killed } = error as ExecFileException
    const late = killed ? `\nIt was not done within ${options.deadlineMs / 1000} s.` : ''
    return { passed: false, report: stdout + stderr + late }
  }
}

function reasonOf(error: unknown): string {
  const { message, stderr } = error as ExecFileException
  return (stderr || message).trim().split('\n').slice(-3).join(' ')
}
