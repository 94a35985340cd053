import { endsHere } from './hop-by-hop.ts'

/** What frames, routes, identifies or controls a message counts in its head alone (RFC 9110, 6.5.1). */
const OF_HEADS = new Set([
  ...['host', 'content-length', 'content-type', 'content-encoding', 'content-range', 'trailer'],
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'cache-control', 'expires'],
  ...['location', 'range', 'vary', 'via', 'forwarded', 'x-real-ip', 'max-forwards', 'date'],
])
const NONE: ReadonlySet<string> = new Set()

/** Of the fields that come after a body, those that may: some services take them for headers. */
export function passedTrailers(raw: readonly string[]): string[] {
  const out: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase().replaceAll('_', '-')
    if (endsHere(name, NONE) || OF_HEADS.has(name)) continue
    if (name.startsWith('x-forwarded-') || name.startsWith('gantry-tunnel')) continue
    out.push(raw[index]!, raw[index + 1]!)
  }
  return out
}
