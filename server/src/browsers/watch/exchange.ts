import { cutText } from './fitting.ts'

export type Headers = [name: string, value: string][]

/** One request and what came back, as far as it is known when it has ended. */
export interface Exchange {
  pageId: string
  startedAt: string
  durationMs: number
  method: string
  url: string
  httpVersion: string
  resourceType: string
  requestHeaders: Headers
  /** Of the body that was sent; -1 for one too long to be told. */
  requestBytes: number
  /** 0 when there was no answer. */
  status: number
  statusText: string
  responseHeaders: Headers
  mimeType: string
  /** Of the answer on the wire, headers and all. */
  transferredBytes: number
  /** Of the body after its encoding was undone. */
  bodyBytes: number
  fromCache: boolean
  remoteAddress: string | undefined
  redirectUrl: string
  /** In milliseconds; -1 for what did not apply. */
  timings: ExchangeTimings
  /** Why there was no answer. */
  error?: string
}

export interface ExchangeTimings {
  blocked: number
  dns: number
  connect: number
  ssl: number
  send: number
  wait: number
  receive: number
}

/** Times in milliseconds from `requestTime`, which is in seconds. */
interface ResourceTiming {
  requestTime: number
  dnsStart: number
  dnsEnd: number
  connectStart: number
  connectEnd: number
  sslStart: number
  sslEnd: number
  sendStart: number
  sendEnd: number
  receiveHeadersEnd: number
}

export interface CdpRequest {
  url: string
  method: string
  headers: Record<string, string>
  hasPostData?: boolean
  postData?: string
}

export interface CdpResponse {
  url: string
  status: number
  statusText: string
  headers: Record<string, string>
  mimeType: string
  protocol?: string
  remoteIPAddress?: string
  encodedDataLength: number
  fromDiskCache?: boolean
  fromPrefetchCache?: boolean
  timing?: ResourceTiming
}

/** What is known of a request that has not ended. */
export interface UnderWay {
  pageId: string
  request: CdpRequest
  startedUnixMs: number
  /** On Chromium's own clock, in seconds. */
  startedAt: number
  resourceType: string
  sentHeaders?: Record<string, string>
  gotHeaders?: Record<string, string>
  response?: CdpResponse
  bodyBytes: number
  fromCache: boolean
}

const MAX_URL = 8_192
const MAX_HEADERS = 100
const MAX_HEADER_VALUE = 4_096
const MAX_HEADERS_LENGTH = 16_384

/** What has ended, in the form that is passed on. */
export function describeExchange(
  known: UnderWay,
  endedAt: number,
  transferredBytes: number,
  redirectUrl: string,
): Exchange {
  const { request, response, startedAt, startedUnixMs } = known
  const fromCache =
    known.fromCache || Boolean(response?.fromDiskCache) || Boolean(response?.fromPrefetchCache)
  return {
    pageId: known.pageId,
    startedAt: new Date(startedUnixMs).toISOString(),
    durationMs: round(Math.max(0, endedAt - startedAt) * 1_000),
    method: cutText(request.method, 64),
    url: cutText(request.url, MAX_URL),
    httpVersion: cutText(response?.protocol ?? '', 32),
    resourceType: known.resourceType,
    requestHeaders: listed(known.sentHeaders ?? request.headers),
    requestBytes: sentBytes(request),
    status: response?.status ?? 0,
    statusText: cutText(response?.statusText ?? '', 256),
    responseHeaders: listed(known.gotHeaders ?? response?.headers ?? {}),
    mimeType: cutText(response?.mimeType ?? '', 256),
    transferredBytes: fromCache ? 0 : transferredBytes,
    bodyBytes: known.bodyBytes,
    fromCache,
    remoteAddress: response?.remoteIPAddress,
    redirectUrl: cutText(redirectUrl, MAX_URL),
    timings: timingsOf(response?.timing, startedAt, endedAt),
  }
}

function sentBytes({ postData, hasPostData }: CdpRequest): number {
  if (postData !== undefined) return Buffer.byteLength(postData)
  return hasPostData ? -1 : 0
}

/** Several values of one name come with line ends between them. */
function listed(headers: Record<string, string>): Headers {
  const all = Object.entries(headers).flatMap(([name, values]) =>
    values
      .split('\n')
      .map((value): [string, string] => [cutText(name, 256), cutText(value, MAX_HEADER_VALUE)]),
  )
  let length = 0
  return all.slice(0, MAX_HEADERS).filter(([name, value]) => {
    length += name.length + value.length
    return length <= MAX_HEADERS_LENGTH
  })
}

function timingsOf(
  timing: ResourceTiming | undefined,
  startedAt: number,
  endedAt: number,
): ExchangeTimings {
  const totalMs = round(Math.max(0, endedAt - startedAt) * 1_000)
  const none = { blocked: -1, dns: -1, connect: -1, ssl: -1, send: 0 }
  if (!timing) return { ...none, wait: totalMs, receive: 0 }
  const begunMs = (timing.requestTime - startedAt) * 1_000
  const firsts = [timing.dnsStart, timing.connectStart, timing.sendStart].filter((ms) => ms >= 0)
  const receivedMs = (endedAt - timing.requestTime) * 1_000
  return {
    blocked: round(Math.max(0, begunMs + Math.min(...firsts, timing.sendStart))),
    dns: span(timing.dnsStart, timing.dnsEnd),
    connect: span(timing.connectStart, timing.connectEnd),
    ssl: span(timing.sslStart, timing.sslEnd),
    send: Math.max(0, span(timing.sendStart, timing.sendEnd)),
    wait: round(Math.max(0, timing.receiveHeadersEnd - timing.sendEnd)),
    receive: round(Math.max(0, receivedMs - timing.receiveHeadersEnd)),
  }
}

function span(from: number, to: number): number {
  return from < 0 || to < from ? -1 : round(to - from)
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
