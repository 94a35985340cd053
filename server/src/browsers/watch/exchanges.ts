import {
  type CdpRequest,
  type CdpResponse,
  type Exchange,
  type UnderWay,
  describeExchange,
} from './exchange.ts'
import { cutText } from './fitting.ts'

type Params = Record<string, unknown>

const MAX_UNDER_WAY = 2_000

/** Puts Chromium's network events together, each request once, when it has ended. */
export class Exchanges {
  readonly #underWay = new Map<string, UnderWay>()
  readonly #onEnded: (exchange: Exchange, brief: Params) => void

  constructor(onEnded: (exchange: Exchange, brief: Params) => void) {
    this.#onEnded = onEnded
  }

  forget(): void {
    this.#underWay.clear()
  }

  take(method: string, params: Params, session: string, pageId: string): void {
    const key = `${session} ${String(params.requestId)}`
    if (method === 'Network.requestWillBeSent') return this.#begin(key, params, pageId)
    const known = this.#underWay.get(key)
    if (!known) return
    switch (method) {
      case 'Network.requestWillBeSentExtraInfo':
        known.sentHeaders = params.headers as Record<string, string>
        return
      case 'Network.responseReceivedExtraInfo':
        known.gotHeaders = params.headers as Record<string, string>
        return
      case 'Network.requestServedFromCache':
        known.fromCache = true
        return
      case 'Network.responseReceived':
        known.response = params.response as CdpResponse
        return
      case 'Network.dataReceived':
        known.bodyBytes += Number(params.dataLength) || 0
        return
      case 'Network.loadingFinished':
        return this.#end(key, known, params, Number(params.encodedDataLength) || 0)
      case 'Network.loadingFailed':
        return this.#end(key, known, params, 0, String(params.errorText))
    }
  }

  #begin(key: string, params: Params, pageId: string): void {
    const redirected = this.#underWay.get(key)
    const redirect = params.redirectResponse as CdpResponse | undefined
    const request = params.request as CdpRequest
    if (redirected && redirect) {
      redirected.response = redirect
      this.#end(key, redirected, params, redirect.encodedDataLength, undefined, request.url)
    }
    if (this.#underWay.size >= MAX_UNDER_WAY)
      this.#underWay.delete(this.#underWay.keys().next().value!)
    this.#underWay.set(key, {
      pageId,
      request,
      startedUnixMs: Number(params.wallTime) * 1_000,
      startedAt: Number(params.timestamp),
      resourceType: String(params.type ?? 'Other'),
      bodyBytes: 0,
      fromCache: false,
    })
  }

  #end(
    key: string,
    known: UnderWay,
    { timestamp }: Params,
    transferredBytes: number,
    error?: string,
    redirectUrl = '',
  ): void {
    this.#underWay.delete(key)
    const exchange = describeExchange(known, Number(timestamp), transferredBytes, redirectUrl)
    if (error) exchange.error = error
    this.#onEnded(exchange, brief(exchange))
  }
}

function brief(exchange: Exchange): Params {
  const { pageId, method, resourceType, status, mimeType, fromCache, error } = exchange
  return {
    type: error === undefined ? 'request.ended' : 'request.failed',
    pageId,
    method,
    url: cutText(exchange.url, 2_048),
    resourceType,
    status,
    mimeType,
    bytes: exchange.transferredBytes,
    durationMs: exchange.durationMs,
    ...(fromCache && { fromCache }),
    ...(error !== undefined && { error }),
  }
}
