import { createHmac, timingSafeEqual } from 'node:crypto'
import type { CdpPolicy } from './node/session-node.ts'

/** What a capability URL opens; part of what its secret is made from. */
export type UrlPurpose = `cdp:${CdpPolicy}` | 'live:control' | 'live:watch'

const PURPOSES: Readonly<Record<'cdp' | 'live', readonly UrlPurpose[]>> = {
  cdp: ['cdp:driver', 'cdp:noCookies', 'cdp:observer'],
  live: ['live:control', 'live:watch'],
}

export interface SessionUrlsOptions {
  key: Buffer
  /** Address under which clients reach the API. */
  publicUrl(): string
}

/**
 * Capability URLs: whoever has one may open what it says, with no other credential. Its secret is an HMAC over purpose, session and
 * generation, so nothing is stored, and raising the session's generation ends all of its URLs.
 */
export class SessionUrls {
  readonly #key: Buffer
  readonly #publicUrl: () => string

  constructor({ key, publicUrl }: SessionUrlsOptions) {
    this.#key = key
    this.#publicUrl = publicUrl
  }

  /** Such as `ws://127.0.0.1:8700/cdp/ses_…/{secret}`. */
  make(purpose: UrlPurpose, sessionId: string, generation: number): string {
    const [kind] = purpose.split(':')
    return `${this.#base}/${kind}/${sessionId}/${this.#secret(purpose, sessionId, generation)}`
  }

  /** Where a connection makes a browser of its own; it opens nothing by itself, unless its query holds a credential. */
  ofNewBrowser(query: URLSearchParams): string {
    return `${this.#base}/cdp${query.size > 0 ? `?${query}` : ''}`
  }

  /** What this secret opens for this generation of the session, if anything. */
  read(
    kind: 'cdp' | 'live',
    sessionId: string,
    generation: number,
    secret: string,
  ): UrlPurpose | undefined {
    const given = Buffer.from(secret)
    return PURPOSES[kind].find((purpose) => {
      const expected = Buffer.from(this.#secret(purpose, sessionId, generation))
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
  }

  get #base(): string {
    return this.#publicUrl().replace(/^http/, 'ws')
  }

  #secret(purpose: UrlPurpose, sessionId: string, generation: number): string {
    const text = `${purpose}|${sessionId}|${generation}`
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}
