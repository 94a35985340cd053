import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { dirname, join } from 'node:path'

/** How much of this machine is free. */
export interface MachineFacts {
  /** What new programs may use, within the limits of our control group too. */
  memoryAvailableBytes: number
  /** Processes that ran or wanted to, averaged over the last minute. */
  load: number
  cores: number
}

const CGROUPS = '/sys/fs/cgroup'
const MAX_DEPTH = 16

/** Reads a handful of small files of the kernel's: about a tenth of a millisecond. */
export function readMachine(): MachineFacts {
  return {
    memoryAvailableBytes: Math.min(freeOfMachine(), freeOfGroups()),
    load: loadavg()[0]!,
    cores: availableParallelism(),
  }
}

/** What this process may still write to the file system of a directory; everything where that is not known. */
export function freeDiskOf(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return Infinity
  }
}

function freeOfMachine(): number {
  const kib = /^MemAvailable: +(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  return kib === undefined ? Infinity : Number(kib) * 1024
}

/** The least that our group or one above it has left; a group is limited by those above it. */
function freeOfGroups(): number {
  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1]
  if (path === undefined) return Infinity
  let free = Infinity
  let group = path
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    free = Math.min(free, freeOf(join(CGROUPS, group)))
    if (group === '/') break
    group = dirname(group)
  }
  return free
}

/** Infinite without a limit, as for the root of all groups and where the kernel has only the older kind. */
function freeOf(group: string): number {
  const max = Number(read(join(group, 'memory.max')))
  const current = Number(read(join(group, 'memory.current')))
  if (!max || !current) return Infinity
  // Pages of files that nobody has used for a while are given back when somebody needs the memory.
  const idle = /^inactive_file (\d+)$/m.exec(read(join(group, 'memory.stat')) ?? '')?.[1] ?? 0
  return Math.max(0, max - current + Number(idle))
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
