import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  ObjectNotFound,
  ObjectStoreFull,
  ObjectTooLarge,
  RangeNotSatisfiable,
  SignedUrlRefused,
} from './errors.ts'
import { serveSigned, type SignedService } from './serve.ts'

/** An upload of which no byte comes for so long has gone. */
const SILENCE_MS = 60_000
/** For a client that is refused to stop sending and to read why. */
const LINGER_MS = 5_000

class UploadSilent extends Error {}

/** Serves the signed URLs of a local store on the product's own listener, beside the API as S3 would. */
export function objectHandler(service: SignedService, { silenceMs = SILENCE_MS } = {}) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    if (request.method === 'PUT') {
      request.setTimeout(silenceMs, () => gone.abort(new UploadSilent()))
    }
    void serve(service, request, response, gone.signal).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else refuse(request, response, error)
    })
  }
}

async function serve(
  service: SignedService,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const reply = await serveSigned(service, { method, url, headers, body: request, signal })
  response.writeHead(reply.status, reply.headers)
  if (reply.stream) await pipeline(reply.stream, response)
  else response.end()
}

/** Closing on bytes that nobody has read would reset the connection, and the refusal would be lost: so they are read away first. */
function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const [status, title] = explain(error)
  const body = JSON.stringify({ type: 'about:blank', title, status })
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.write(body)
  const end = () => response.end()
  if (error instanceof UploadSilent) return void end()
  const late = setTimeout(end, LINGER_MS).unref()
  finished(request.resume(), () => {
    clearTimeout(late)
    end()
  })
}

function explain(error: unknown): [number, string] {
  if (error instanceof SignedUrlRefused) return [403, 'The signed URL is not valid, or has expired']
  if (error instanceof ObjectNotFound) return [404, 'No such object']
  if (error instanceof UploadSilent) return [408, 'Nothing came for too long']
  if (error instanceof ObjectTooLarge) return [413, 'The object is larger than this URL allows']
  if (error instanceof RangeNotSatisfiable) return [416, 'The range is outside of the object']
  if (error instanceof ObjectStoreFull) return [507, 'The object store is full']
  return [500, 'Something went wrong on our side']
}
