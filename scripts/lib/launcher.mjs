const LAUNCHER = 'GANTRY_LAUNCHER'
const LOOK_EVERY_MS = 500

/** For the program that this process runs in its place, which follows it by `endWithLauncher`. */
export function asLauncher(env = process.env) {
  return { env: { ...env, [LAUNCHER]: String(process.pid) } }
}

/** Asks this process to end in order once the one that launched it has gone, however that has ended. A signal that kills is told nobody. */
export function endWithLauncher() {
  const launcher = process.env[LAUNCHER]
  if (launcher === undefined) return
  // What this process starts has another parent.
  delete process.env[LAUNCHER]
  const looking = setInterval(look, LOOK_EVERY_MS).unref()
  function look() {
    if (String(process.ppid) === launcher) return
    clearInterval(looking)
    process.kill(process.pid, 'SIGTERM')
  }
}
