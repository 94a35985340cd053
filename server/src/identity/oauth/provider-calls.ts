import type { CustomFetch } from 'openid-client'
import { openAddressGuard } from '#kernel/addresses.ts'
import { type GuardedFetch, openGuardedFetch } from '#kernel/fetch.ts'
import type { Logger } from '#kernel/log.ts'

const TIMEOUT_MS = 10_000
/** Far more than key sets and tokens take. */
const MAX_BYTES = 256 * 1024

export interface CallRules {
  /** `EGRESS_ALLOW`. */
  allow: readonly string[]
  /**
   * What the operator has named as the provider. Its host may be private, like that of every server which the configuration names; what
   * the provider itself names may not, unless the operator allows it.
   */
  named?: URL
  log: Pick<Logger, 'warn'>
  /** Of each call; 10,000 unless given. */
  timeoutMs?: number
}

/** Calls to one provider: each within 10 s, no redirects, no long answers, no private addresses but its own. */
export class ProviderCalls implements AsyncDisposable {
  readonly #guarded: GuardedFetch

  readonly #timeoutMs: number

  constructor({ allow, named, log, timeoutMs = TIMEOUT_MS }: CallRules) {
    this.#timeoutMs = timeoutMs
    const guard = openAddressGuard({ allow: [...allow, ...(named ? [hostAndPort(named)] : [])] })
    this.#guarded = openGuardedFetch({ guard, log, allowHttp: named?.protocol === 'http:' })
  }

  /** @throws what the guarded fetch throws */
  readonly fetch: CustomFetch = async (url, { method, headers, body, signal }) => {
    const {
      status,
      headers: got,
      body: bytes,
    } = await this.#guarded.fetch(url, {
      ...{ method: method as 'GET', headers, timeoutMs: this.#timeoutMs, maxBytes: MAX_BYTES },
      ...(body && { body: String(body) }),
      ...(signal && { signal }),
    })
    const type = got['content-type']
    const hasBody = bytes.length > 0
    return new Response(hasBody ? new Uint8Array(bytes) : null, {
      status,
      headers: typeof type === 'string' ? { 'content-type': type } : {},
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guarded[Symbol.asyncDispose]()
  }
}

function hostAndPort({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`
}
