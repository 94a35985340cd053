/**
 * Loaded before the server (`--import`) in a process with `--expose-gc`: on SIGUSR2 it collects all garbage and prints what memory
 * is used then.
 */
process.on('SIGUSR2', () => {
  globalThis.gc!()
  globalThis.gc!()
  const { rss, heapUsed } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ collected: { rss, heapUsed } })}\n`)
})
