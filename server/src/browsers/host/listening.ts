import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const LISTEN = '0A'
/** Column of `/proc/net/tcp`: the kernel's number of the socket, never used twice at a time. */
const INODE = 9

/** The sockets that listen at one of the ports on 127.0.0.1, by their numbers in the kernel. */
export async function listeningSockets(ports: readonly number[]): Promise<Set<string>> {
  const addresses = new Set(ports.map((port) => `0100007F:${hex(port)}`))
  const rows = await socketTable()
  return new Set(
    rows.filter((row) => row[3] === LISTEN && addresses.has(row[1]!)).map((row) => row[INODE]!),
  )
}

const GONE_WITHIN_MS = 2_000
const LOOK_EVERY_MS = 10

/**
 * How many of these sockets still exist, once they have had time to go: a killed process counts as dead as soon as its first thread is,
 * while the others may hold its sockets for some milliseconds more.
 */
export async function countSockets(inodes: ReadonlySet<string>): Promise<number> {
  if (inodes.size === 0) return 0
  const giveUpAt = performance.now() + GONE_WITHIN_MS
  for (;;) {
    const left = (await socketTable()).filter((row) => inodes.has(row[INODE]!)).length
    if (left === 0 || performance.now() > giveUpAt) return left
    await sleep(LOOK_EVERY_MS)
  }
}

async function socketTable(): Promise<string[][]> {
  const text = await readFile('/proc/net/tcp', 'utf8')
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}
