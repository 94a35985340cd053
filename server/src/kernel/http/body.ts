import type { FastifyInstance, FastifyRequest } from 'fastify'
import { httpProblems } from './problems.ts'
import { JsonRefused, parseStrictJson } from './strict-json.ts'

// Bytes that are not UTF-8 are refused, not replaced; a byte order mark is kept, and so refused by the parser.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// With parameters that are whole, if any: what is half a header, other parsers read differently.
const JSON_TYPE = /^application\/json(?: *; *[\w-]+=(?:[\w.-]+|"[^"\\]*"))*$/i

/** Bodies are JSON; everything else is 415. */
export function readJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, bytes: Buffer) => {
      if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw httpProblems.unsupportedMedia()
      return bytes.length === 0 ? undefined : parse(bytes)
    },
  )
}

function parse(bytes: Buffer): unknown {
  try {
    return parseStrictJson(utf8.decode(bytes))
  } catch (error) {
    const reason = error instanceof JsonRefused ? error.message : 'the bytes are not UTF-8'
    throw httpProblems.malformed({ detail: `The body was refused: ${reason}.` })
  }
}
