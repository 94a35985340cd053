/** Where Node is told the same otherwise, by somebody who wants it so. V8 takes underscores too. */
const YOUNG_LIMIT = '--max-semi-space-size'

// The collector is for the product to call, once, when it has started.
export const FLAGS = [`${YOUNG_LIMIT}=16`, '--expose-gc']
export const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' }

/**
 * Begins this process again with limits that can only be set before V8 and malloc are: as the same process, 40 ms later. V8's halves
 * of the young generation grow to 16 MiB each, not to 32, and malloc keeps 2 arenas, not 8 for each core. Halves of 8 MiB would take an eighth
 * more processor time of a small request.
 *
 * Returns where that is so already, where somebody has set the limit, and where a parent listens that would lose its channel
 * (`node --watch`).
 */
export function beginLean({ execArgv, env, argv, connected } = process) {
  const told = [env.NODE_OPTIONS ?? '', ...execArgv].some((text) => {
    return text.replaceAll('_', '-').includes(YOUNG_LIMIT)
  })
  if (told || connected || process.platform === 'win32') return
  const args = [process.execPath, ...execArgv, ...FLAGS, ...argv.slice(1)]
  process.execve(process.execPath, args, { ...ENVIRONMENT, ...env })
}
