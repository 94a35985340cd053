/** Why a text was refused, and at which character. */
export class JsonRefused extends Error {
  constructor(reason: string, at: number) {
    super(`${reason} at character ${at + 1}`)
    this.name = 'JsonRefused'
  }
}

const MAX_DEPTH = 32
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/**
 * Parses JSON and refuses what parsers disagree about: duplicate members, numbers that a double cannot hold, lone surrogates, NUL,
 * more than 32 levels, a byte order mark, `__proto__`.
 *
 * @throws JsonRefused
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new JsonRefused(whatJsonParseSaid(error), 0)
  }
  new Scan(text).run()
  return value
}

function whatJsonParseSaid(error: unknown): string {
  const message = error instanceof Error ? error.message : 'not JSON'
  // V8 quotes the text itself, which may hold a secret; what went wrong is enough.
  return message.startsWith('Unexpected end')
    ? 'the JSON text ends too early'
    : 'not well-formed JSON'
}

/** One pass over text that is known to be well-formed JSON. */
class Scan {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): void {
    /** Open objects (their member names so far) and arrays (null). */
    const open: (Set<string> | null)[] = []
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!
      if (char === '{' || char === '[') {
        if (open.length >= MAX_DEPTH) throw this.#refuse(`nested deeper than ${MAX_DEPTH} levels`)
        open.push(char === '{' ? new Set() : null)
        this.#at++
      } else if (char === '}' || char === ']') {
        open.pop()
        this.#at++
      } else if (char === '"') this.#string(open.at(-1) ?? null)
      else if (char === '-' || (char >= '0' && char <= '9')) this.#number()
      else this.#at++
    }
  }

  #string(members: Set<string> | null): void {
    const start = this.#at
    this.#at++
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at++
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string
    if (!value.isWellFormed()) throw this.#refuse('half of a surrogate pair', start)
    if (value.includes('\0')) throw this.#refuse('a NUL character', start)
    if (members && this.#isName()) this.#member(members, value, start)
  }

  #isName(): boolean {
    let next = this.#at
    while (' \t\n\r'.includes(this.#text[next] ?? '.')) next++
    return this.#text[next] === ':'
  }

  #member(members: Set<string>, name: string, start: number): void {
    if (name === '__proto__') throw this.#refuse('the member name __proto__', start)
    if (members.has(name)) throw this.#refuse('a member that was given before', start)
    members.add(name)
  }

  #number(): void {
    NUMBER.lastIndex = this.#at
    const literal = NUMBER.exec(this.#text)![0]
    const value = Number(literal)
    const written = !/[eE]/.test(literal)
    if (!Number.isFinite(value) || (written && !Number.isSafeInteger(Math.trunc(value)))) {
      throw this.#refuse('a number too large to be kept exactly')
    }
    this.#at += literal.length
  }

  #refuse(what: string, at = this.#at): JsonRefused {
    return new JsonRefused(what, at)
  }
}
