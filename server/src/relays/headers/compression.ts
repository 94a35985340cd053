import { constants, createBrotliCompress, createGzip } from 'node:zlib'
import type { Transform } from 'node:stream'

export type Encoding = 'br' | 'gzip'

/** What of a request and its answer tells whether to compress. */
export interface CompressionFacts {
  method: string
  status: number
  /** Of the answer, names and values in turn. */
  headers: readonly string[]
}

/** Below this, the frame of a compressed body eats what it saves. */
const LEAST_BYTES = 256
const TEXT =
  /^(?:text\/(?!event-stream)[\w.+-]+|application\/(?:json|javascript|xml|wasm|manifest\+json|x-ndjson|(?:[\w.-]+\+)?(?:json|xml))|image\/svg\+xml|font\/(?:ttf|otf))\s*(?:;|$)/i

/**
 * Whether an answer is text that came uncompressed and may be changed on its way: no event stream, no range, nothing that says
 * `no-transform`. Visitors who take no encoding get `Vary` all the same.
 */
export function isCompressible({ method, status, headers }: CompressionFacts): boolean {
  if (method === 'HEAD' || status < 200 || [204, 205, 206, 304].includes(status)) return false
  let isText = false
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1]!
    switch (headers[index]!.toLowerCase()) {
      case 'content-type':
        isText = TEXT.test(value)
        break
      case 'content-encoding':
        if (value.trim().toLowerCase() !== 'identity') return false
        break
      case 'content-range':
        return false
      case 'cache-control':
        if (/\bno-transform\b/i.test(value)) return false
        break
      case 'content-length':
        if (Number(value) < LEAST_BYTES) return false
        break
    }
  }
  return isText
}

/** What the visitor takes of what we have, Brotli first; a quality of 0 refuses. */
export function acceptedEncoding(acceptEncoding: string | undefined): Encoding | undefined {
  if (!acceptEncoding) return undefined
  const qualities = new Map<string, number>()
  for (const part of acceptEncoding.toLowerCase().split(',', 32)) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    qualities.set(name, quality === undefined ? 1 : Number(quality) || 0)
  }
  const of = (name: string) => qualities.get(name) ?? qualities.get('*') ?? 0
  const [br, gzip] = [of('br'), of('gzip')]
  if (br === 0 && gzip === 0) return undefined
  return br >= gzip ? 'br' : 'gzip'
}

/** The headers of an answer whose body is compressed on its way, or with `undefined` might have been. */
export function compressedHeaders(
  headers: readonly string[],
  encoding: Encoding | undefined,
): string[] {
  const out: string[] = []
  let vary = ''
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [headers[index]!, headers[index + 1]!]
    const lower = name.toLowerCase()
    if (lower === 'vary') vary = vary ? `${vary}, ${value}` : value
    else if (encoding === undefined || !OF_THE_BYTES.has(lower)) out.push(name, value)
    else if (lower === 'etag') out.push(name, value.startsWith('W/') ? value : `W/${value}`)
  }
  if (encoding) out.push('Content-Encoding', encoding)
  out.push('Vary', withAcceptEncoding(vary))
  return out
}

/** Headers that speak of the bytes as they were. */
const OF_THE_BYTES = new Set([
  ...['content-length', 'content-encoding', 'accept-ranges', 'etag'],
  ...['content-md5', 'digest', 'content-digest'],
])

function withAcceptEncoding(vary: string): string {
  if (vary === '') return 'Accept-Encoding'
  const names = vary.toLowerCase().split(',')
  const isThere = names.some((name) => ['accept-encoding', '*'].includes(name.trim()))
  return isThere ? vary : `${vary}, Accept-Encoding`
}

/** Compresses what passes and keeps nothing back: what is written comes out at once, as whole as it went in. */
export function compressing(encoding: Encoding): Transform {
  if (encoding === 'gzip') return createGzip({ level: 5, flush: constants.Z_SYNC_FLUSH })
  return createBrotliCompress({
    flush: constants.BROTLI_OPERATION_FLUSH,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 4,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      // The default window would take 4 MiB for each answer.
      [constants.BROTLI_PARAM_LGWIN]: 18,
    },
  })
}
