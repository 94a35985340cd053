import type { UsageEntry } from '../control.ts'

/** An entry of a journal: that of this process, or of an earlier one that could not send it. The last line of a sequence counts. */
export interface Entry {
  journal: string
  entry: UsageEntry
}

/** All entries of that journal up to this one were taken. */
export interface Mark {
  journal: string
  upTo: number
}

/** What was not taken, in the order in which it was begun. */
export function readEntries(lines: readonly unknown[]): Entry[] {
  const upTo = new Map<string, number>()
  const entries = new Map<string, Entry>()
  for (const line of lines) {
    const read = line as Partial<Entry & Mark>
    if (typeof read.journal !== 'string') continue
    const { journal } = read
    if (isEntry(read.entry)) entries.set(`${journal} ${read.entry.sequence}`, read as Entry)
    if (Number.isSafeInteger(read.upTo)) {
      upTo.set(journal, Math.max(read.upTo!, upTo.get(journal) ?? 0))
    }
  }
  return [...entries.values()].filter(({ journal, entry }) => {
    return entry.sequence > (upTo.get(journal) ?? 0)
  })
}

function isEntry(entry: Partial<UsageEntry> | undefined): entry is UsageEntry {
  return Number.isSafeInteger(entry?.sequence) && typeof entry?.tunnelId === 'string'
}
