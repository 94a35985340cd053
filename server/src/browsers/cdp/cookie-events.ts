import type { Inspection } from './frame-filter.ts'

/** Events whose headers carry cookies; Chromium keeps them out of all others. */
const EVENTS = [
  'Network.requestWillBeSentExtraInfo',
  'Network.responseReceivedExtraInfo',
  'Network.responseReceivedEarlyHints',
  'Network.webSocketWillSendHandshakeRequest',
  'Network.webSocketHandshakeResponseReceived',
].map((method) => Buffer.from(`{"method":"${method}"`))

const COOKIE_HEADER = /^(set-)?cookie2?$/i
const LISTS = ['associatedCookies', 'blockedCookies', 'exemptedCookies']
const HEADERS = ['headers', 'requestHeaders']
/** The headers once more, as they were on the wire. */
const RAW = ['headersText', 'requestHeadersText']

type Members = Record<string, unknown>

/**
 * Takes the cookies out of the events that carry them. The events themselves stay, since clients wait for them before they believe
 * that a response has come.
 */
export const withoutCookies: Inspection = {
  prefixBytes: Math.max(...EVENTS.map((event) => event.length)),
  matches: (prefix) => EVENTS.some((event) => prefix.subarray(0, event.length).equals(event)),
  rewrite(payload) {
    const message = JSON.parse(payload.toString()) as { params: Members }
    const { params } = message
    for (const part of [params, params.request, params.response]) {
      if (part) redact(part as Members)
    }
    return Buffer.from(JSON.stringify(message))
  },
}

function redact(part: Members): void {
  for (const name of LISTS) if (name in part) part[name] = []
  for (const name of RAW) delete part[name]
  for (const name of HEADERS) {
    const headers = (part[name] ?? {}) as Members
    for (const header of Object.keys(headers)) {
      if (COOKIE_HEADER.test(header)) delete headers[header]
    }
  }
}
