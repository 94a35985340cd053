import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { Readable } from 'node:stream'
import { sha256 } from '#kernel/crypto.ts'
import { ed25519Signer } from '#kernel/jws.ts'
import { hashScrypt } from '#kernel/scrypt.ts'
import { signServiceToken, trustKeys } from '#kernel/service-token.ts'
import { TestClock } from '#test/clock.ts'
import type { AccessSpec, TunnelConfig, TunnelSpec } from '#tunnels/index.ts'
import type { Admission, Admitted, Refused } from './admission.ts'
import { Gates } from './gates.ts'
import type { GateRequest } from './request.ts'

/** Cheap: its cost is in the hash. */
export const PASSWORD_HASH = await hashScrypt('open sesame', { n: 16, r: 1, p: 1 })
export const HTML = ['Accept', 'text/html,application/xhtml+xml']

export function specOf(
  access: Partial<AccessSpec> = {},
  config: Partial<TunnelConfig> = {},
  id = 'tun_shop',
): TunnelSpec {
  return {
    ...{ id, accountId: 'acc_1', name: 'shop', kind: 'http', started: true, revision: 1 },
    ...{ hostnames: ['shop.localhost'], endpoints: [], holders: {} },
    config: {
      ...{ maxConnections: 10, timeoutSeconds: 60, idleTimeoutSeconds: 60, queueSeconds: 0 },
      ...{ compression: false, hostHeader: 'preserve' },
      requestHeaders: { set: {}, remove: [] },
      responseHeaders: { set: {}, remove: [] },
      inspector: { enabled: false, bodyBytes: 0 },
      ...config,
    },
    access: {
      ...{ policy: 'public', addresses: [], generation: 1, grants: [] },
      cookieKey: sha256(`key of ${id}`).toString('base64url'),
      visitUrl: `https://gantry.test/api/v1/tunnels/${id}/visit`,
      ...access,
    },
  }
}

export function secretHash(secret: string): string {
  return sha256(secret).toString('base64url')
}

/** The gates of a relay, and the control plane whose key it trusts. */
export class GateScene {
  readonly clock = new TestClock()
  readonly #key: KeyObject
  readonly gates: Gates

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.#key = privateKey
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'EdDSA' }
    const keys = trustKeys([jwk])
    this.gates = new Gates({ clock: this.clock, keys: () => keys })
  }

  ticket(tunnelId: string, subject: string): Promise<string> {
    const signer = ed25519Signer('k1', this.#key)
    const nowSeconds = this.clock.now().getTime() / 1000
    return signServiceToken(signer, { aud: tunnelId, sub: subject }, nowSeconds)
  }
}

export function request(url = '/', headers: string[] = [], more: Partial<GateRequest> = {}) {
  return {
    ...{ method: 'GET', url, rawHeaders: headers, host: 'shop.localhost', ip: '203.0.113.7' },
    ...{ secure: false, ...more },
  }
}

/** The form of the password page, as a browser sends it. */
export function form(fields: Record<string, string>, headers: string[] = [], ip = '203.0.113.7') {
  const type = ['Content-Type', 'application/x-www-form-urlencoded']
  return request('/.gantry/password', [...HTML, ...type, ...headers], {
    ...{ method: 'POST', ip },
    body: Readable.from([Buffer.from(new URLSearchParams(fields).toString())]),
  })
}

export async function admitted(judged: Admission | Promise<Admission>): Promise<Admitted> {
  const admission = await judged
  if (!admission.let) throw new Error(`refused: ${admission.code} ${admission.answer.status}`)
  return admission
}

export async function refused(judged: Admission | Promise<Admission>): Promise<Refused> {
  const admission = await judged
  if (admission.let) throw new Error(`let in by ${admission.by}`)
  return admission
}

export function header({ answer }: Refused, name: string): string | undefined {
  return headersOf({ answer }, name)[0]
}

export function headersOf({ answer }: Pick<Refused, 'answer'>, name: string): string[] {
  const { headers } = answer
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name)
}

/** What a browser sends back of the cookies that an answer has set. */
export function cookiesOf(answer: Pick<Refused, 'answer'>): string[] {
  const pairs = headersOf(answer, 'set-cookie').map((cookie) => cookie.split(';')[0]!)
  return ['Cookie', pairs.join('; ')]
}
