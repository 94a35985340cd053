import type { Exchange, Headers } from '../watch/exchange.ts'
import type { Manifest, TimelineEvent } from './manifest.ts'

interface Source {
  manifest: Manifest
  events(): AsyncIterable<TimelineEvent>
}

const CREATOR = { name: 'Gantry', version: '1' }
const MAX_PAGES = 1_000

/** HTTP Archive 1.2. The pages come from a first pass over the recording, the entries from a second: none is kept. */
export async function* har(source: Source): AsyncGenerator<string> {
  const { pages, idAt } = await pagesOf(source)
  const head = { version: '1.2', creator: CREATOR, pages }
  yield `{"log":${JSON.stringify(head).slice(0, -1)},"entries":[`
  let separator = ''
  for await (const { ms, kind, data } of source.events()) {
    if (kind !== 'exchange') continue
    const exchange = data as unknown as Exchange
    const pageref = idAt(exchange.pageId, ms - exchange.durationMs)
    yield separator + JSON.stringify({ ...(pageref && { pageref }), ...harEntry(exchange) })
    separator = ','
  }
  yield ']}}'
}

interface HarPage {
  startedDateTime: string
  id: string
  title: string
  pageTimings: { onContentLoad: number; onLoad: number }
}

/** A page of the archive is one visit of an address in a tab. */
async function pagesOf(source: Source) {
  const startedMs = Date.parse(source.manifest.startedAt)
  const pages: HarPage[] = []
  const visits = new Map<string, { ms: number; id: string }[]>()
  for await (const { ms, kind, data } of source.events()) {
    if (kind !== 'navigation' || data.type !== 'page.navigated') continue
    if (pages.length >= MAX_PAGES) break
    const id = `page_${pages.length + 1}`
    const startedDateTime = new Date(startedMs + ms).toISOString()
    const pageTimings = { onContentLoad: -1, onLoad: -1 }
    pages.push({ startedDateTime, id, title: String(data.url), pageTimings })
    const pageId = String(data.pageId)
    visits.set(pageId, [...(visits.get(pageId) ?? []), { ms, id }])
  }
  const idAt = (pageId: string, ms: number) => {
    const of = visits.get(pageId) ?? []
    return (of.findLast((visit) => visit.ms <= ms) ?? of[0])?.id
  }
  return { pages, idAt }
}

/** An entry as HAR 1.2 wants it; sizes that are not known are -1. */
export function harEntry(exchange: Exchange) {
  const { timings, durationMs } = exchange
  return {
    startedDateTime: exchange.startedAt,
    time: total(timings) || durationMs,
    request: harRequest(exchange),
    response: harResponse(exchange),
    cache: {},
    timings,
    ...(exchange.remoteAddress && {
      serverIPAddress: exchange.remoteAddress.replace(/^\[|\]$/g, ''),
    }),
    ...(exchange.error && { comment: exchange.error }),
  }
}

function harRequest(exchange: Exchange) {
  const { method, url, httpVersion, requestHeaders, requestBytes } = exchange
  return {
    method,
    url,
    httpVersion: versionOf(httpVersion),
    cookies: cookiesOf(requestHeaders),
    headers: named(requestHeaders),
    queryString: queryOf(url),
    headersSize: -1,
    bodySize: requestBytes,
  }
}

function harResponse(exchange: Exchange) {
  const { status, statusText, httpVersion, responseHeaders, mimeType, bodyBytes } = exchange
  return {
    status,
    statusText,
    httpVersion: versionOf(httpVersion),
    cookies: setCookiesOf(responseHeaders),
    headers: named(responseHeaders),
    content: { size: bodyBytes, mimeType: mimeType || 'x-unknown' },
    redirectURL: exchange.redirectUrl,
    headersSize: -1,
    bodySize: exchange.fromCache ? 0 : -1,
    _transferSize: exchange.transferredBytes,
    ...(exchange.error && { _error: exchange.error }),
  }
}

/** `ssl` is part of `connect`; -1 stands for what did not apply. */
function total({ blocked, dns, connect, send, wait, receive }: Exchange['timings']): number {
  const spans = [blocked, dns, connect, send, wait, receive].filter((ms) => ms > 0)
  return Math.round(spans.reduce((sum, ms) => sum + ms, 0) * 1_000) / 1_000
}

function versionOf(protocol: string): string {
  if (protocol === 'h2') return 'HTTP/2.0'
  if (protocol === 'h3') return 'HTTP/3.0'
  return protocol ? protocol.toUpperCase() : 'HTTP/1.1'
}

function named(headers: Headers) {
  return headers.filter(([name]) => !name.startsWith(':')).map(([name, value]) => ({ name, value }))
}

function valuesOf(headers: Headers, wanted: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

function cookiesOf(headers: Headers) {
  return valuesOf(headers, 'cookie')
    .flatMap((value) => value.split('; '))
    .filter((pair) => pair.includes('='))
    .map(splitPair)
}

function setCookiesOf(headers: Headers) {
  return valuesOf(headers, 'set-cookie')
    .filter((value) => value.includes('='))
    .map((value) => splitPair(value.split(';', 1)[0]!))
}

function splitPair(pair: string) {
  const at = pair.indexOf('=')
  return { name: pair.slice(0, at), value: pair.slice(at + 1) }
}

function queryOf(url: string) {
  const query = URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams()
  return [...query].map(([name, value]) => ({ name, value }))
}
