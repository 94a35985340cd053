import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { Failure } from './failure.mjs'

/** Brings `node_modules` in line with `package-lock.json` when it is not; touches no network when it is. */
export async function ensureInstalled(root) {
  const stampFile = join(root, 'node_modules/.gantry-lock')
  const lock = readFileSync(join(root, 'package-lock.json'))
  const stamp = `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`
  if (read(stampFile) === stamp) return
  if (!hasEverything(root, lock)) {
    rmSync(stampFile, { force: true })
    console.error('Installing the packages of package-lock.json with npm; this takes a minute …')
    await runNpm(root)
  }
  try {
    writeFileSync(stampFile, stamp)
  } catch (error) {
    // A checkout that only its owner may write: the next start compares again, which costs a few milliseconds.
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error
  }
}

/** Whether npm's own record of what it installed holds each package that the lockfile asks for on this platform. */
function hasEverything(root, lock) {
  const record = read(join(root, 'node_modules/.package-lock.json'))
  if (record === undefined) return false
  const installed = JSON.parse(record).packages
  return Object.entries(JSON.parse(lock).packages).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    if (!found) return wanted.optional && !isForThisPlatform(wanted)
    return found.version === wanted.version && found.integrity === wanted.integrity
  })
}

function isForThisPlatform({ os, cpu, libc }) {
  return [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch) && !libc
}

/**
 * Not `npm ci`: it refuses a lockfile that lacks a package which some registry does not carry, such as a linter's binary for a
 * platform that is not this one. `--no-save` takes the lockfile's versions all the same, and leaves the file alone.
 */
async function runNpm(root) {
  const [command, ...before] = findNpm(root)
  const args = [...before, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: pathWithoutOwn(root) },
  })
  const status = await new Promise((resolve, reject) => {
    npm.on('error', (error) => reject(new Failure(`npm could not be run: ${error.message}`)))
    npm.on('exit', (code, signal) => resolve(code ?? signal))
  })
  if (status === 0) return
  throw new Failure(
    `\`npm install\` ended with ${status}; what it says is above. Gantry cannot run before its packages are there: ` +
      'see that the npm registry can be reached and that the disk has room, then run the same command again.',
  )
}

/** The npm that runs this script, under the Node that it runs on itself: the pinned one is about to be replaced. */
function findNpm(root) {
  const { npm_execpath: npm, npm_node_execpath: node } = process.env
  if (!npm || basename(npm) !== 'npm-cli.js') return ['npm']
  const outside = [node, process.execPath].find((path) => path && !path.startsWith(`${root}/`))
  return outside ? [outside, npm] : ['npm']
}

function pathWithoutOwn(root) {
  const own = join(root, 'node_modules/.bin')
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== own)
    .join(delimiter)
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
