import { setTimeout as sleep } from 'node:timers/promises'
import { interleave, median } from '../figures.ts'
import { printTable } from '../table.ts'
import type { Contender } from './contender.ts'
import type { Memory } from './family.ts'

const ROUNDS = 3
/** Until a server or a new browser has come to rest. */
const REST_MS = 4_000

/** Memory of the servers themselves, before their work and after it, and of one session that nobody uses. */
export class MemoryFigures {
  readonly #contenders: readonly Contender[]
  readonly #atFirst: readonly Memory[]
  readonly #sessions: Record<string, number[]>

  /** To be called while no other browser of this benchmark runs, since browsers share pages. */
  static async begin(contenders: readonly Contender[]): Promise<MemoryFigures> {
    const atFirst = await atRest(contenders)
    const ways = contenders.map((contender) => [contender.name, () => sessionMib(contender)])
    const sessions = await interleave<string, number>(Object.fromEntries(ways), ROUNDS)
    return new MemoryFigures(contenders, atFirst, sessions)
  }

  private constructor(
    contenders: readonly Contender[],
    atFirst: readonly Memory[],
    sessions: Record<string, number[]>,
  ) {
    this.#contenders = contenders
    this.#atFirst = atFirst
    this.#sessions = sessions
  }

  async report(): Promise<void> {
    const atLast = await atRest(this.#contenders)
    const mib = (figure: number) => (figure === 0 ? '–' : figure.toFixed(0))
    printTable(
      'Memory at rest, MiB (PSS)',
      ['', 'server at first', 'after the work', 'its database', 'one idle session'],
      this.#contenders.map(({ name }, at) => [
        name,
        ...[this.#atFirst[at]!.server, atLast[at]!.server, atLast[at]!.database].map(mib),
        mib(median(this.#sessions[name]!)),
      ]),
    )
  }
}

async function atRest(contenders: readonly Contender[]): Promise<Memory[]> {
  for (const contender of contenders) await contender.settled()
  await sleep(REST_MS)
  return contenders.map(({ server }) => server.family.memory())
}

/** What the server and all its processes take more with one session than without. */
async function sessionMib(contender: Contender): Promise<number> {
  await contender.settled()
  const { total: before } = contender.server.family.memory()
  const session = await contender.open()
  await sleep(REST_MS)
  const { total } = contender.server.family.memory()
  await session.end()
  await contender.settled()
  return total - before
}
