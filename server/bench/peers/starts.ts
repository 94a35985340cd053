import { interleave, median } from '../figures.ts'
import { printTable } from '../table.ts'
import type { Contender, Session } from './contender.ts'
import type { Gantry } from './gantry.ts'

const ROUNDS = 10

/** From nothing to the first answer of the session's browser to its client. */
export async function measureStarts(
  warm: Gantry,
  cold: Gantry,
  peers: readonly Contender[],
): Promise<void> {
  const ways = Object.fromEntries([
    ['Gantry, one ready, create and connect', () => startMs(warm, () => warm.open())],
    ['Gantry, one ready, by connecting', () => startMs(warm, () => warm.openInOneStep())],
    ['Gantry, none ready, create and connect', () => startMs(cold, () => cold.open())],
    ['Gantry, none ready, by connecting', () => startMs(cold, () => cold.openInOneStep())],
    ...peers.map((peer) => [peer.name, () => startMs(peer, () => peer.open())] as const),
  ]) as Record<string, () => Promise<number>>
  for (const way of Object.values(ways)) await way()
  const figures = await interleave(ways, ROUNDS)
  printTable(
    `A session until its browser’s first answer to the client, ms, ${ROUNDS} rounds`,
    ['', 'median', 'best', 'worst'],
    Object.entries(figures).map(([name, ms]) => [
      name,
      ...[median(ms), Math.min(...ms), Math.max(...ms)].map((figure) => figure.toFixed(0)),
    ]),
  )
}

/** Its end, and what the server does after it, is waited for and not counted. */
async function startMs(contender: Contender, open: () => Promise<Session>): Promise<number> {
  await contender.settled()
  const begunMs = performance.now()
  const session = await open()
  const tookMs = performance.now() - begunMs
  await session.end()
  await contender.settled()
  return tookMs
}
