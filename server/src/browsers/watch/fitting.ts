type Plain = Readonly<Record<string, unknown>>

/** Tried in turn until the whole is small enough. */
const CUTS = [
  { characters: 2_048, items: 100, depth: 6 },
  { characters: 256, items: 20, depth: 4 },
  { characters: 64, items: 10, depth: 2 },
]

/**
 * The value as it is while its JSON is at most `maxBytes` long; else a copy with long texts and lists cut, and
 * `truncated: true`. A value that JSON cannot hold is replaced.
 */
export function fitting(value: Plain, maxBytes: number): { value: Plain; bytes: number } {
  const bytes = jsonBytes(value)
  if (bytes <= maxBytes) return { value, bytes }
  for (const cut of CUTS) {
    const smaller = { ...(shortened(value, cut, 0) as Plain), truncated: true }
    const smallerBytes = jsonBytes(smaller)
    if (smallerBytes <= maxBytes) return { value: smaller, bytes: smallerBytes }
  }
  return { value: { truncated: true }, bytes: 18 }
}

function jsonBytes(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return Infinity
  }
}

type Cut = (typeof CUTS)[number]

function shortened(value: unknown, cut: Cut, depth: number): unknown {
  if (typeof value === 'string') return cutText(value, cut.characters)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= cut.depth) return '…'
  if (Array.isArray(value)) {
    return value.slice(0, cut.items).map((item) => shortened(item, cut, depth + 1))
  }
  const entries = Object.entries(value).slice(0, cut.items)
  return Object.fromEntries(
    entries.map(([name, item]) => [cutText(name, 256), shortened(item, cut, depth + 1)]),
  )
}

/** At most so many characters, the last an ellipsis when some are missing. */
export function cutText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text
  // Not between the halves of a surrogate pair, which would not survive UTF-8.
  return `${text.slice(0, maxCharacters - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
