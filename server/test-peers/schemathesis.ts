import { execFile, type ExecFileException } from 'node:child_process'
import { promisify } from 'node:util'
import { findProgram } from './pypi.ts'

const run = promisify(execFile)

export function findSchemathesis() {
  return findProgram({ name: 'schemathesis', version: '4.32.5', file: 'schemathesis' })
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
