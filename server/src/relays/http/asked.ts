import type { IncomingMessage, ServerResponse } from 'node:http'
import { forwardedHeaders } from '../headers/forwarded.ts'
import { serviceHost } from '../headers/service-host.ts'
import type { Passage } from './passage.ts'

/** What a visitor has asked for. */
export interface Asked {
  request: IncomingMessage
  response: ServerResponse
  /** Path and query, and the host as the visitor has asked for it. */
  path: string
  host: string
  hasBody: boolean
  /** The length of its body is not known before its end. */
  chunked: boolean
  /** The visitor waits to be told to send its body. */
  expects: boolean
}

/** The head of a visitor's request as it goes to a service. */
export function headFor(passage: Passage, asked: Asked, endpointUrl: string): string {
  const { request, path, host, chunked, expects, hasBody } = asked
  const { caller, tunnel, admitted, capture } = passage
  const { spec } = tunnel.served
  const headers = forwardedHeaders(request.rawHeaders, {
    ...{ tunnelId: spec.id, peer: caller.peer, trusted: caller.trusted, secure: caller.secure },
    ...{ host, serviceHost: serviceHost(spec.config.hostHeader, host, endpointUrl) },
    ...{ webSocket: false, edits: tunnel.requestEdits },
    ...(admitted?.withoutAuthorization && { withoutAuthorization: true }),
  })
  if (chunked) headers.push('Transfer-Encoding', 'chunked')
  if (expects) headers.push('Expect', '100-continue')
  capture?.requestHead(request.rawHeaders)
  if (!hasBody) capture?.requestEnd()
  return requestHead(request.method!, path, headers)
}

export function requestHead(method: string, path: string, headers: readonly string[]): string {
  let head = `${method} ${path} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n`
}
