import { signalProcess } from '#kernel/processes.ts'
import { interleave, median } from '../figures.ts'
import { printTable } from '../table.ts'
import type { Contender } from './contender.ts'

const ROUNDS = 5

interface Fate {
  toldMs: number
  how: string
  nextMs: number | undefined
}

/** kill -9 of the browser of a session: when its client is told, and whether the next session works. */
export async function measureKilledBrowsers(contenders: readonly Contender[]): Promise<void> {
  const ways = contenders.map((contender) => [contender.name, () => killBrowser(contender)])
  const figures = await interleave<string, Fate>(Object.fromEntries(ways), ROUNDS)
  printTable(
    `kill -9 of a session’s browser, ${ROUNDS} rounds`,
    ['', 'client told, ms', 'how', 'next session works', 'its first answer, ms'],
    Object.entries(figures).map(([name, fates]) => {
      const next = fates.map(({ nextMs }) => nextMs).filter((ms) => ms !== undefined)
      return [
        ...[name, median(fates.map(({ toldMs }) => toldMs)).toFixed(1)],
        [...new Set(fates.map(({ how }) => how))].join(' or '),
        `${next.length} of ${ROUNDS}`,
        next.length === 0 ? '–' : median(next).toFixed(0),
      ]
    }),
  )
}

/** The client gives up its session once it has been told, and opens the next at once. */
async function killBrowser(contender: Contender): Promise<Fate> {
  await contender.settled()
  const session = await contender.open()
  const browser = contender.server.family.browsers()[0]!
  const begunMs = performance.now()
  signalProcess(browser.pid, 'SIGKILL')
  const how = await session.told()
  const toldMs = performance.now() - begunMs
  await session.end().catch(() => {})
  const nextMs = await openMs(contender).catch(() => undefined)
  await contender.settled()
  return { toldMs, how, nextMs }
}

async function openMs(contender: Contender): Promise<number> {
  const begunMs = performance.now()
  const session = await contender.open()
  const tookMs = performance.now() - begunMs
  const works = await session.answers()
  await session.end()
  if (!works) throw new Error('the next session does not answer')
  return tookMs
}
