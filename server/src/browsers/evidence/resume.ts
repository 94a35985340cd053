import type { Gap, Manifest } from './manifest.ts'

const MOST_GAPS = 1_000

/**
 * A recording that its process did not live to end, for the next one to go on with. What was not stored is in a gap: one for each
 * process, and none begins before the one before it has ended.
 */
export function resumed(manifest: Manifest, now: Date): Manifest {
  const stored = asStored(manifest)
  const gaps = manifest.gaps ?? []
  const fromMs = Math.max(stored.lastMs, gaps.at(-1)?.toMs ?? 0)
  const toMs = Math.max(fromMs, now.getTime() - Date.parse(manifest.startedAt))
  return { ...stored, gaps: withGap(manifest, { fromMs, toMs }) }
}

export function withGap({ gaps = [] }: Manifest, gap: Gap): Gap[] {
  return [...gaps, gap].slice(-MOST_GAPS)
}

/** One that nobody can go on with: what came after `lastMs` is lost. */
export function interrupted(manifest: Manifest, now: Date): Manifest {
  const updatedAt = now.toISOString()
  return { ...asStored(manifest), updatedAt, complete: true, endedBy: 'interrupted' }
}

/** A manifest counts what is on its way too; this one does not. */
export function asStored(manifest: Manifest): Manifest {
  const { parts, totals } = manifest
  const entriesOf = (kind: string) =>
    parts.reduce((sum, part) => (part.kind === kind ? sum + part.entries : sum), 0)
  return {
    ...manifest,
    parts: [...parts],
    totals: { ...totals, frames: entriesOf('frames'), events: entriesOf('timeline') },
    lastMs: parts.reduce((last, { toMs }) => Math.max(last, toMs), 0),
  }
}
