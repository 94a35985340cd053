import type { TimelineEvent } from './manifest.ts'

interface Source {
  manifest: { startedAt: string }
  events(): AsyncIterable<TimelineEvent>
}

/** One line for each thing said; a text of several lines is indented after the first. */
export async function* consoleLines(
  source: Source,
  format: 'text' | 'jsonl',
): AsyncGenerator<string> {
  const startedMs = Date.parse(source.manifest.startedAt)
  for await (const { ms, kind, data } of source.events()) {
    if (kind !== 'console') continue
    const at = new Date(startedMs + ms).toISOString()
    yield format === 'jsonl' ? `${JSON.stringify({ at, ms, ...data })}\n` : textLine(at, data)
  }
}

function textLine(at: string, { type, level, text, url, line, count }: Record<string, unknown>) {
  const said = text ?? `(${String(type)}${count === undefined ? '' : ` ${String(count)}`})`
  const where = url ? ` (${String(url)}${line === undefined ? '' : `:${String(line)}`})` : ''
  const plain = String(said).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '\uFFFD')
  return `${at} ${String(level ?? 'info').padEnd(7)} ${plain.replace(/\n/g, '\n    ')}${where}\n`
}
