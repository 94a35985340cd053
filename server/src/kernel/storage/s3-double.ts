import { createHash, createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

interface Kept {
  body: Buffer
  contentType: string
  metadata: Record<string, string>
  modifiedAt: Date
}

interface Request {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Buffer
}

const BUCKET = 'things'
const REGION = 'eu-north-1'
const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'double/secret+key' }

/** A small S3 for tests, with one bucket, that checks every signature of version 4 by its own reading of the scheme. */
export async function openS3Double(now: () => Date) {
  const objects = new Map<string, Kept>()
  const uploads = new Map<string, Kept & { parts: Map<number, Buffer> }>()
  /** Method and path of each request taken, in order. */
  const requests: string[] = []
  /** Answers the next request of this method with this status. */
  const failures = new Map<string, number>()

  const server = createServer(async (message, response) => {
    const url = new URL(message.url ?? '', 'http://s3.test')
    const body = await buffer(message).catch(() => undefined)
    if (!body) return
    const { method = '', headers } = message
    const request: Request = { method, path: url.pathname, query: url.searchParams, headers, body }
    requests.push(`${method} ${url.pathname}`)
    const problem = findProblem(request, now())
    const failing = failures.get(method)
    failures.delete(method)
    if (problem) fail(response, 403, problem)
    else if (failing) fail(response, failing, 'Injected')
    else route(request, response)
  })

  function route(request: Request, response: ServerResponse): void {
    const [bucket, ...rest] = decodeURIComponent(request.path).slice(1).split('/')
    const key = rest.join('/')
    if (bucket !== BUCKET) fail(response, 404, 'NoSuchBucket')
    else if (!key && request.method === 'HEAD') response.end()
    else if (!key) list(request.query, response)
    else if (request.query.has('uploads') || request.query.has('uploadId'))
      multipart(key, request, response)
    else if (request.method === 'PUT') keep(key, request, response)
    else if (request.method === 'DELETE') remove(key, response)
    else send(objects.get(key), request, response)
  }

  function keep(key: string, { headers, body }: Request, response: ServerResponse): void {
    objects.set(key, { body, ...describe(headers), modifiedAt: now() })
    response.setHeader('etag', etag(body)).end()
  }

  function remove(key: string, response: ServerResponse): void {
    objects.delete(key)
    response.writeHead(204).end()
  }

  function multipart(
    key: string,
    { method, query, headers, body }: Request,
    response: ServerResponse,
  ): void {
    const id = query.get('uploadId') ?? randomUUID()
    const upload = uploads.get(id)
    if (query.has('uploads')) {
      uploads.set(id, { body, ...describe(headers), modifiedAt: now(), parts: new Map() })
      xml(
        response,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    } else if (!upload) fail(response, 404, 'NoSuchUpload')
    else if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      response.setHeader('etag', etag(body)).end()
    } else if (method === 'DELETE') {
      uploads.delete(id)
      response.writeHead(204).end()
    } else {
      const asked = [...body.toString().matchAll(/<PartNumber>(\d+)/g)].map(([, number]) =>
        Number(number),
      )
      const parts = asked.map((number) => upload.parts.get(number) ?? Buffer.alloc(0))
      objects.set(key, { ...upload, body: Buffer.concat(parts) })
      uploads.delete(id)
      xml(response, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
    }
  }

  function list(query: URLSearchParams, response: ServerResponse): void {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('start-after') ?? '']
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = keys.slice(0, Number(query.get('max-keys')))
    const contents = page.map((key) => {
      const { body, modifiedAt } = objects.get(key) as Kept
      return `<Contents><Key>${key}</Key><Size>${body.length}</Size><LastModified>${modifiedAt.toISOString()}</LastModified></Contents>`
    })
    const truncated = `<IsTruncated>${page.length < keys.length}</IsTruncated>`
    xml(response, `<ListBucketResult>${truncated}${contents.join('')}</ListBucketResult>`)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `s3://${BUCKET}/gantry/tests?region=${REGION}&endpoint=${endpoint}&pathStyle=true`,
    credentials: CREDENTIALS,
    objects,
    uploads,
    requests,
    failures,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function send(
  kept: Kept | undefined,
  { method, query, headers }: Request,
  response: ServerResponse,
): void {
  if (!kept) return fail(response, 404, 'NoSuchKey')
  const { body, contentType, metadata, modifiedAt } = kept
  response.setHeader('content-type', contentType)
  response.setHeader('last-modified', modifiedAt.toUTCString())
  for (const [name, value] of Object.entries(metadata)) response.setHeader(name, value)
  const disposition = query.get('response-content-disposition')
  if (disposition) response.setHeader('content-disposition', disposition)
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  const start = Number(first ?? 0)
  const end = Math.min(last ? Number(last) : Infinity, body.length - 1)
  if (first && start >= body.length) return fail(response, 416, 'InvalidRange')
  const part = body.subarray(start, end + 1)
  if (first) response.setHeader('content-range', `bytes ${start}-${end}/${body.length}`)
  response.writeHead(first ? 206 : 200, { 'content-length': part.length })
  response.end(method === 'HEAD' ? undefined : part)
}

/** Why S3 would refuse this request, or nothing: signature, hash of the body, time. */
function findProblem(request: Request, now: Date): string | undefined {
  const { headers, query, body } = request
  const presigned = query.has('X-Amz-Signature')
  const fields = presigned ? fieldsOfQuery(query) : fieldsOfHeader(headers.authorization ?? '')
  const [accessKeyId, day = '', region, service, end] = fields.credential.split('/')
  const time = presigned ? query.get('X-Amz-Date') : headers['x-amz-date']
  const hash = presigned ? 'UNSIGNED-PAYLOAD' : String(headers['x-amz-content-sha256'])

  if (accessKeyId !== CREDENTIALS.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== REGION || service !== 's3' || end !== 'aws4_request')
    return 'AuthorizationHeaderMalformed'
  if (!fields.signed.split(';').includes('host')) return 'SignatureDoesNotMatch'
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  if (presigned && now > expiryOf(query)) return 'AccessDenied'
  if (!String(time).startsWith(day)) return 'SignatureDoesNotMatch'

  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = [
    'AWS4-HMAC-SHA256',
    time,
    scope,
    sha256(canonical(request, fields.signed, hash)),
  ].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${CREDENTIALS.secretAccessKey}`,
  )
  const right = createHmac('sha256', key).update(toSign).digest('hex')
  return fields.signature === right ? undefined : 'SignatureDoesNotMatch'
}

function canonical(
  { method, path, query, headers }: Request,
  signed: string,
  hash: string,
): string {
  const pairs = [...query].filter(([name]) => name !== 'X-Amz-Signature')
  const encoded = pairs.map((pair) => pair.map(encode).join('=')).sort()
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`)
  return [method, path, encoded.join('&'), lines.join(''), signed, hash].join('\n')
}

function fieldsOfQuery(query: URLSearchParams) {
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    signed: query.get('X-Amz-SignedHeaders') ?? '',
    signature: query.get('X-Amz-Signature') ?? '',
  }
}

function fieldsOfHeader(header: string) {
  const [, credential = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(header) ??
    []
  return { credential, signed, signature }
}

function expiryOf(query: URLSearchParams): Date {
  const [date = '', time = ''] = (query.get('X-Amz-Date') ?? '').split('T')
  const from = `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}`
  return new Date(new Date(from).getTime() + Number(query.get('X-Amz-Expires')) * 1000)
}

function describe(headers: IncomingMessage['headers']) {
  const meta = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  const metadata = Object.fromEntries(meta.map(([name, value]) => [name, String(value)]))
  return { contentType: headers['content-type'] ?? 'binary/octet-stream', metadata }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function etag(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}

function xml(response: ServerResponse, text: string): void {
  response.setHeader('content-type', 'application/xml').end(`<?xml version="1.0"?>${text}`)
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.statusCode = status
  xml(response, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`)
}
