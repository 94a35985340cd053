import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from './failure.mjs'

const NEEDED_MAJOR = 24

/** Whether the Node that runs this can run the product. */
export function isNewEnough(version = process.versions.node) {
  return Number.parseInt(version, 10) >= NEEDED_MAJOR
}

/**
 * The Node that the lockfile pins; where npm carries none for this platform, the one that runs this.
 *
 * @throws Failure when that one is too old
 */
export function pinnedNode(root) {
  const pinned = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin/node')
  if (existsSync(pinned)) return pinned
  if (isNewEnough()) return process.execPath
  throw new Failure(
    `Gantry needs Node ${NEEDED_MAJOR} or newer, and this is ${process.versions.node}. Run \`npm install --no-save\` in ${root}, which brings ` +
      `one on Linux (x64, arm64); elsewhere, install Node ${NEEDED_MAJOR} from https://nodejs.org.`,
  )
}
