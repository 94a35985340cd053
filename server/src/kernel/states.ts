/** The states that a thing may be in and the moves between them. */
export interface States<Name extends string> {
  /** All states, in the order of their definition; ready for `z.enum`. */
  readonly names: readonly [Name, ...Name[]]
  /** The states that may move to `to`: the `WHERE status IN (…)` of a guarded update. */
  from(to: Name): Name[]
  allows(from: Name, to: Name): boolean
}

/**
 * Defines a life as each state with the states that it may move to.
 *
 * @throws Error when a move leads to a state that is not defined.
 */
export function defineStates<const Name extends string>(
  moves: Record<Name, readonly NoInfer<Name>[]>,
): States<Name> {
  const names = Object.keys(moves) as [Name, ...Name[]]
  for (const to of Object.values<readonly Name[]>(moves).flat()) {
    if (!names.includes(to)) throw new Error(`state '${to}' is moved to but not defined`)
  }
  return {
    names,
    from: (to) => names.filter((name) => moves[name].includes(to)),
    allows: (from, to) => moves[from].includes(to),
  }
}
