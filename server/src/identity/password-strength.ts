import type { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adviceFor } from './password-advice.ts'
import { GOOD_SCORE } from './password-policy.ts'
import { normalizePassword } from './password-text.ts'

/** What belongs to the person, and so is tried first by whoever guesses. */
export interface Person {
  email: string
  firstName?: string | undefined
  lastName?: string | undefined
}

const PRODUCT = ['gantry', 'browser']
/** zxcvbn takes time that grows with the square of the length: 65 ms for the worst text of this length, 800 ms for 128 characters. */
const WINDOW = 64
const SHORTEST_PART = 3
const LEFT_OVER = 8

/** What to change about a password that is too easy to guess; empty for a good one. Blocks the thread for up to two windows. */
export async function weaknesses(
  password: string,
  person: Person,
  minScore = GOOD_SCORE,
): Promise<string[]> {
  const text = normalizePassword(password)
  const parts = partsOf(person)
  if (without(text, parts).length < LEFT_OVER) return adviceFor('userInputs', ['useWords'])
  const zxcvbn = await loadZxcvbn()
  // More characters never make a password easier to guess, so the stronger end speaks for the whole.
  const core = withoutRepeats(text)
  const ends = [core.slice(0, WINDOW), core.slice(-WINDOW)]
  const verdicts = [...new Set(ends)].map((end) => zxcvbn.check(end, parts))
  if (verdicts.some(({ score }) => score >= minScore)) return []
  const { warning, suggestions } = verdicts[0]!.feedback
  return adviceFor(warning, suggestions)
}

/** A text that is one short pattern over and over, cut to two of them: enough for zxcvbn to see the repetition. */
function withoutRepeats(text: string): string {
  for (let period = 1; period <= WINDOW / 2; period++) {
    if (text.startsWith(text.slice(period))) return text.slice(0, 2 * period)
  }
  return text
}

let loaded: Promise<ZxcvbnFactory> | undefined

/**
 * Loaded with the first password that is chosen: the common passwords and words take 7 MiB of heap. The English word lists would take 20
 * more and check ten times slower, for verdicts that hardly differ.
 */
function loadZxcvbn(): Promise<ZxcvbnFactory> {
  loaded ??= (async () => {
    const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
    ])
    return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: WINDOW })
  })()
  return loaded
}

function partsOf({ email, firstName = '', lastName = '' }: Person): string[] {
  const words = `${email} ${firstName} ${lastName}`.toLowerCase().split(/[^\p{L}\p{N}]+/u)
  const all = [...words, ...PRODUCT].filter((word) => word.length >= SHORTEST_PART)
  return [...new Set(all)].sort((a, b) => b.length - a.length)
}

/** The password without the parts, whatever stands between them. */
function without(text: string, parts: readonly string[]): string {
  const rest = parts.reduce((left, part) => left.replaceAll(part, ''), text.toLowerCase())
  return rest.replaceAll(/[^\p{L}\p{N}]/gu, '')
}
