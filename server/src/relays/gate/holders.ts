import { equalDigests, sha256 } from '#kernel/crypto/digests.ts'
import type { AccessGrant, AccessSpec } from '#tunnels/index.ts'

interface Secret {
  grant: AccessGrant
  hash: Buffer
}

/** The grants of a tunnel, ready to be asked for. */
export class Holders {
  readonly #byId: ReadonlyMap<string, AccessGrant>
  readonly #secrets: readonly Secret[]
  /** Whether somebody may come by signing in. */
  readonly people: boolean

  constructor({ grants, policy }: AccessSpec) {
    this.#byId = new Map(grants.map((grant) => [grant.id, grant]))
    this.#secrets = grants.flatMap((grant) =>
      grant.secretHash ? [{ grant, hash: Buffer.from(grant.secretHash, 'base64url') }] : [],
    )
    this.people =
      policy === 'members' || grants.some(({ kind }) => kind === 'user' || kind === 'account')
  }

  /** The grant that a secret is of, if it counts now. All are compared, so that time does not tell which. */
  ofSecret(kind: 'token' | 'link', secret: string, nowMs: number): AccessGrant | undefined {
    if (this.#secrets.length === 0) return undefined
    const shown = sha256(secret)
    let found: AccessGrant | undefined
    for (const { grant, hash } of this.#secrets) {
      if (equalDigests(hash, shown) && grant.kind === kind && counts(grant, nowMs)) found = grant
    }
    return found
  }

  byId(id: string, nowMs: number): AccessGrant | undefined {
    const grant = this.#byId.get(id)
    return grant && counts(grant, nowMs) ? grant : undefined
  }
}

function counts({ expiresAtMs }: AccessGrant, nowMs: number): boolean {
  return expiresAtMs === undefined || expiresAtMs > nowMs
}
