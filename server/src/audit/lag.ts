import type { Context } from '#kernel/context.ts'
import { readLines } from '#kernel/events.ts'
import { readTip } from './chain.ts'

/** Age of the oldest event that no link covers; 0 when there is none. */
export async function chainLagSeconds({ db, clock }: Context): Promise<number> {
  const { place } = await readTip(db)
  const [first] = await readLines(db, place, 1, { whole: true })
  if (!first) return 0
  const at = (JSON.parse(first.line) as unknown[]).at(-1)
  return Math.max(0, (clock.now().getTime() - Date.parse(String(at))) / 1000)
}
