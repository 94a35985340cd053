import type { AddressLists } from '#addresses/index.ts'
import type { Identity } from '#identity/index.ts'
import type { Actor } from '#kernel/context.ts'
import type { RequestFacts } from '#kernel/http/route.ts'

/** Who sends a request or opens a socket, as far as they may be that from where they are. */
export class Callers {
  readonly #identity: Identity
  readonly #addresses: AddressLists

  constructor(identity: Identity, addresses: AddressLists) {
    this.#identity = identity
    this.#addresses = addresses
  }

  /** By a header, or by the cookies of the console, which lives at `url`. */
  async ofRequest(request: RequestFacts, url: string, account?: unknown): Promise<Actor> {
    return this.#from(request.ip, await this.#identity.identify(request, url, account))
  }

  async ofHeader(authorization: string | undefined, address: string, account?: unknown) {
    return this.#from(address, await this.#identity.authenticate(authorization, address, account))
  }

  async ofKey(key: string, address: string, account?: unknown) {
    return this.#from(address, await this.#identity.authenticateKey(key, address, account))
  }

  #from<Who extends Actor>(address: string, actor: Who): Who {
    this.#addresses.refuseBlocked(address)
    return this.#addresses.limit(address, actor)
  }
}
