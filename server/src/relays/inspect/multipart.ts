import { isSecretMember, REDACTED, redactHeaders } from './redaction.ts'

const BOUNDARY = /;\s{0,10}boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i
const NAME = /;\s{0,10}name\*?=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]*))/i
const MOST_PARTS = 100
const END_OF_HEAD = '\r\n\r\n'

/**
 * A body of several parts: their heads, and of each what `read` makes of it, by its type. Those whose names are secret are shown without
 * what they hold. Undefined when it has no such parts.
 */
export function readMultipart(
  declared: string,
  bytes: Buffer,
  read: (type: string, bytes: Buffer) => string,
): string | undefined {
  const [, quoted, plain] = BOUNDARY.exec(declared) ?? []
  const delimiter = `--${quoted ?? plain ?? ''}`
  if (delimiter === '--') return undefined
  const parts = partsOf(bytes, delimiter)
  if (parts.length === 0) return undefined
  const shown = parts.slice(0, MOST_PARTS).map((part) => `${delimiter}\r\n${readPart(part, read)}`)
  const more = parts.length - shown.length
  return shown.join('\r\n') + (more > 0 ? `\r\n[${more} more parts]` : '')
}

/** What stands between the delimiters; of the last one, as much as there is. */
function partsOf(bytes: Buffer, delimiter: string): Buffer[] {
  const parts: Buffer[] = []
  let from = bytes.indexOf(delimiter, 0, 'latin1')
  while (from >= 0 && parts.length <= MOST_PARTS) {
    const begin = from + delimiter.length
    if (bytes.toString('latin1', begin, begin + 2) !== '\r\n') break
    const end = bytes.indexOf(`\r\n${delimiter}`, begin, 'latin1')
    parts.push(bytes.subarray(begin + 2, end < 0 ? bytes.length : Math.max(end, begin + 2)))
    from = end < 0 ? -1 : end + 2
  }
  return parts
}

function readPart(part: Buffer, read: (type: string, bytes: Buffer) => string): string {
  const end = part.indexOf(END_OF_HEAD, 0, 'latin1')
  if (end < 0) return '[cut]'
  const headers = redactHeaders(fieldsOf(part.toString('latin1', 0, end)))
  const valueOf = (wanted: string) =>
    headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? ''
  const [, quoted, plain] = NAME.exec(valueOf('content-disposition')) ?? []
  const body = part.subarray(end + END_OF_HEAD.length)
  const isSecret = isSecretMember(decoded(quoted ?? plain ?? ''))
  const shown = isSecret ? REDACTED : read(valueOf('content-type'), body)
  return `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${shown}`
}

function fieldsOf(head: string): string[] {
  return head.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
