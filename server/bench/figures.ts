/** The middle value; the higher one of two middle values. */
export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const index = Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))
  return sorted[index]!
}

/** Measures each of `what` once per round, in an order that turns by one each round, so that a busy moment hits all alike. */
export async function interleave<Name extends string, Figure>(
  what: Record<Name, () => Promise<Figure>>,
  rounds: number,
): Promise<Record<Name, Figure[]>> {
  const names = Object.keys(what) as Name[]
  const figures = Object.fromEntries(names.map((name) => [name, [] as Figure[]]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!
      figures[name]!.push(await what[name]())
    }
  }
  return figures as Record<Name, Figure[]>
}
