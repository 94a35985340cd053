import { interleave, median } from '../figures.ts'
import { printTable } from '../table.ts'
import type { Contender } from './contender.ts'
import { Selenium } from './selenium.ts'

const ROUNDS = 3
const AT_ONCE = [1, 4]
const JOBS = 4
const WORKS = 8

type Ways = Record<string, () => Promise<number>>

/** Small jobs per second: each in a browser of its own, and all in the browser of one session. */
export async function measureJobs(contenders: readonly Contender[], page: string): Promise<void> {
  const [own, kept]: Ways[] = [{}, {}]
  for (const contender of contenders) {
    for (const atOnce of atOnceOf(contender)) {
      const name = nameOf(contender, atOnce)
      own![name] = () => jobsPerSecond(contender, page, atOnce)
      kept![name] = () => worksPerSecond(contender, page, atOnce)
    }
  }
  const [inOwn, inKept] = [await interleave(own!, ROUNDS), await interleave(kept!, ROUNDS)]
  const cell = (figures: Record<string, number[]>, contender: Contender, atOnce: number) => {
    const found = figures[nameOf(contender, atOnce)]
    return found ? median(found).toFixed(2) : '–'
  }
  printTable(
    `Small jobs per second, ${ROUNDS} rounds`,
    ['', 'own browser ×1', 'own browser ×4', 'one browser ×1', 'one browser ×4'],
    contenders.map((contender) => [
      contender.name,
      ...[inOwn, inKept].flatMap((figures) => AT_ONCE.map((at) => cell(figures, contender, at))),
    ]),
  )
}

/** A WebDriver session has one current page, so several jobs cannot share it. */
function atOnceOf(contender: Contender): number[] {
  return contender instanceof Selenium ? [1] : AT_ONCE
}

function nameOf({ name }: Contender, atOnce: number): string {
  return `${name} ×${atOnce}`
}

async function jobsPerSecond(contender: Contender, page: string, atOnce: number) {
  await contender.settled()
  const figure = await perSecond(Math.max(JOBS, atOnce * 2), atOnce, () => contender.job(page))
  await contender.settled()
  return figure
}

async function worksPerSecond(contender: Contender, page: string, atOnce: number) {
  await contender.settled()
  const session = await contender.open()
  await session.work(page)
  await contender.settled(1)
  const figure = await perSecond(WORKS, atOnce, () => session.work(page))
  await session.end()
  await contender.settled()
  return figure
}

async function perSecond(total: number, atOnce: number, job: () => Promise<void>) {
  const begunMs = performance.now()
  let left = total
  const work = async () => {
    while (left-- > 0) await job()
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return (total * 1000) / (performance.now() - begunMs)
}
