/** What a script came to: its value as plain data, or why there is none. */
export type Outcome =
  | { value: unknown }
  | { refused: string }
  | { tooLarge: true }
  | { thrown: { message: string; stack: string } }

export interface OutcomeLimits {
  /** Of JSON. */
  characters: number
  /** Levels of nesting. */
  depth: number
  stackCharacters: number
}

type Anything = Record<string, unknown>

/**
 * Runs in the page, by its source text: nothing from outside it is in scope. Runs the script and turns what it returns into plain data
 * by itself, since pages replace `JSON`, and Chromium would make `{}` of elements and rectangles alike.
 */
export async function outcome(
  run: (...args: unknown[]) => unknown,
  args: unknown[],
  limits: OutcomeLimits,
): Promise<Outcome> {
  const LOSSY = ['Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'Promise', 'RegExp', 'Error']
  const ancestors: unknown[] = []
  let characters = 0

  class Refusal {
    readonly outcome: Outcome
    constructor(outcome: Outcome) {
      this.outcome = outcome
    }
  }

  function refuse(reason: string): never {
    throw new Refusal({ refused: reason.slice(0, 500) })
  }

  function count(length: number): void {
    characters += length
    if (characters > limits.characters) throw new Refusal({ tooLarge: true })
  }

  function plain(value: unknown, path: string): unknown {
    count(2)
    switch (typeof value) {
      case 'string':
        count(value.length)
        return value
      case 'bigint':
        return plain(value.toString(), path)
      case 'number':
        return Number.isFinite(value) ? value : null
      case 'function':
      case 'symbol':
        return refuse(`${path} is a ${typeof value}`)
      case 'object':
        return value === null ? null : plainObject(value as Anything, path)
      default:
        return value
    }
  }

  function plainObject(object: Anything, path: string): unknown {
    if (ancestors.includes(object)) refuse(`${path} refers back to what holds it`)
    if (ancestors.length === limits.depth)
      refuse(`it is nested more than ${limits.depth} levels deep`)
    ancestors.push(object)
    try {
      if (typeof object.toJSON === 'function') return plain(object.toJSON(), path)
      const lost = loss(object)
      if (lost) refuse(`${path} is ${lost}`)
      return Array.isArray(object) || ArrayBuffer.isView(object)
        ? Array.from(object as unknown[], (item, place) => plain(item, `${path}[${place}]`) ?? null)
        : plainMembers(object, path)
    } finally {
      ancestors.pop()
    }
  }

  function plainMembers(object: Anything, path: string): Anything {
    const copy: Anything = Object.create(null)
    for (const name of Object.keys(object)) {
      count(name.length + 2)
      const value = plain(object[name], `${path}.${name}`)
      if (value !== undefined) copy[name] = value
    }
    return copy
  }

  /** What this object is, when JSON would lose it. */
  function loss(object: Anything): string | undefined {
    if (object.window === object) return 'a window'
    if (typeof object.nodeType === 'number' && typeof object.nodeName === 'string') {
      return `a DOM node (${object.nodeName.toLowerCase()})`
    }
    const kind = Object.prototype.toString.call(object).slice(8, -1)
    return LOSSY.includes(kind) || kind.endsWith('ArrayBuffer')
      ? `an object of type ${kind}`
      : undefined
  }

  function describe(error: unknown): Outcome {
    if (error instanceof Refusal) return error.outcome
    const { message, stack } = (error ?? {}) as { message?: unknown; stack?: unknown }
    const text = error instanceof Error ? error : (message ?? shown(error))
    return {
      thrown: {
        message: String(text).slice(0, 2000),
        stack: typeof stack === 'string' ? stack.slice(0, limits.stackCharacters) : '',
      },
    }
  }

  /** Something that is not an error, yet was thrown. */
  function shown(thrown: unknown): unknown {
    try {
      return typeof thrown === 'object' ? JSON.stringify(plain(thrown, 'error')) : thrown
    } catch {
      return thrown
    }
  }

  try {
    let value = await run.apply(globalThis, args)
    if (typeof value === 'function') value = await value(...args)
    return { value: plain(value, 'result') ?? null }
  } catch (error) {
    return describe(error)
  }
}
