import { join } from 'node:path'
import { type Config, loadConfig, readEnvironment } from '#kernel/config.ts'

export const CHECKOUT = join(import.meta.dirname, '../..')

/** The process's environment over the checkout's `.env`, with the command line's own values on top. */
export function environment(overrides: Record<string, string | undefined> = {}) {
  return readEnvironment({ ...process.env, ...overrides }, join(CHECKOUT, '.env'))
}

/** @throws ConfigError that lists every wrong value at once */
export function readConfig(overrides: Record<string, string | undefined> = {}): Config {
  return loadConfig(environment(overrides))
}
