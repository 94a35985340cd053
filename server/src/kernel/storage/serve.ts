import { finished, PassThrough, type Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { attachment } from './disposition.ts'
import { ObjectNotFound, ObjectTooLarge, SignedUrlRefused } from './errors.ts'
import { type Grant, verifySignedUrl } from './signed-url.ts'
import type { ByteRange, ObjectInfo, ObjectStore } from './store.ts'

export interface SignedRequest {
  method: string
  /** Path and query as received. */
  url: string
  /** Names in lower case, as Node has them. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Readable
  signal?: AbortSignal
}

export interface SignedReply {
  status: number
  headers: Record<string, string>
  /** Read it or destroy it. */
  stream?: Readable
}

export interface SignedService {
  store: ObjectStore
  signingKey: Buffer
  clock: Clock
}

const MAX_UPLOAD_BYTES = 5 * 1024 ** 3
/** A customer's file must not run as a page of this site, even when someone opens it in place. */
const GUARDS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cache-control': 'private, no-cache',
}

/**
 * Answers a request to a signed URL of a local store: GET and HEAD with ranges, PUT.
 *
 * @throws SignedUrlRefused, ObjectNotFound, and for PUT ObjectTooLarge or ObjectStoreFull. The body of a refused PUT is left
 * paused and its connection open, so that the refusal can be sent.
 */
export async function serveSigned(
  service: SignedService,
  request: SignedRequest,
): Promise<SignedReply> {
  const { method, url } = request
  const grant = verifySignedUrl(service.signingKey, method, url, service.clock.now())
  if (grant.method === 'PUT') return receive(service.store, grant, request)
  const info = await service.store.head(grant.key)
  if (!info) throw new ObjectNotFound(grant.key)
  return send(service.store, grant, info, request)
}

async function receive(
  store: ObjectStore,
  grant: Grant,
  request: SignedRequest,
): Promise<SignedReply> {
  const { 'content-type': type, 'content-length': length } = request.headers
  const isOther = grant.contentType !== undefined && type !== grant.contentType
  if (isOther) throw new SignedUrlRefused('invalid')
  const maxBytes = grant.maxBytes ?? MAX_UPLOAD_BYTES
  if (Number(length ?? 0) > maxBytes) throw new ObjectTooLarge(maxBytes)
  const contentType = typeof type === 'string' && type ? type : 'application/octet-stream'
  const { signal } = request
  const { sha256 } = await store.put(grant.key, detached(request.body), {
    contentType,
    maxBytes,
    ...(signal && { signal }),
  })
  return { status: 200, headers: { etag: `"${sha256}"`, 'content-length': '0' } }
}

/** A body that may fail while its connection lives on, for the refusal to be sent over it. */
function detached(body: Readable): Readable {
  const copy = new PassThrough()
  finished(body, (error) => {
    if (error) copy.destroy(error)
  })
  return body.pipe(copy)
}

async function send(
  store: ObjectStore,
  { downloadName }: Grant,
  info: ObjectInfo,
  { method, headers }: SignedRequest,
): Promise<SignedReply> {
  const range = rangeOf(headers, info.bytes, etagOf(info))
  if (range === 'outside') {
    return { status: 416, headers: { ...GUARDS, 'content-range': `bytes */${info.bytes}` } }
  }
  if (method === 'HEAD') return { status: 200, headers: headersOf(info, downloadName) }
  // The headers tell of what is sent, which a put since the head may have replaced.
  const content = await store.get(info.key, range ? { range } : {})
  const { start, bytes, totalBytes, stream } = content
  const shown = headersOf(content, downloadName)
  if (!range) return { status: 200, headers: shown, stream }
  shown['content-range'] = `bytes ${start}-${start + bytes - 1}/${totalBytes}`
  return { status: 206, headers: shown, stream }
}

type Described = Pick<ObjectInfo, 'bytes' | 'contentType' | 'sha256'>

function headersOf(object: Described, downloadName: string | undefined): Record<string, string> {
  const etag = etagOf(object)
  return {
    ...GUARDS,
    ...(etag && { etag }),
    'accept-ranges': 'bytes',
    'content-type': object.contentType,
    'content-length': String(object.bytes),
    'content-disposition': attachment(downloadName),
  }
}

function etagOf({ sha256 }: Described): string | undefined {
  return sha256 && `"${sha256}"`
}

/** One range as RFC 9110 has it; several, or one meant for another version of the object, are answered with the whole. */
function rangeOf(
  headers: SignedRequest['headers'],
  totalBytes: number,
  etag: string | undefined,
): ByteRange | 'outside' | undefined {
  const [, first = '', last = ''] =
    /^bytes=(\d{0,15})-(\d{0,15})$/.exec(String(headers['range'])) ?? []
  const condition = headers['if-range']
  if ((!first && !last) || (condition !== undefined && condition !== etag)) return undefined
  if (first && last && Number(last) < Number(first)) return undefined
  const start = first ? Number(first) : Math.max(0, totalBytes - Number(last))
  if (start >= totalBytes) return 'outside'
  return first && last ? { start, end: Number(last) } : { start }
}
