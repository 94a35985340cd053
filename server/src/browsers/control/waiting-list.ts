import { type Holder, sameHolder } from './changes.ts'

/** Somebody who waits for control. */
export interface PendingRequest {
  holder: Holder
  /** For how long control is wanted, once it is granted. */
  seconds: number
  reason?: string
  /** ISO; a request that nobody answered is dropped some time after it. */
  requestedAt: string
}

/** Those who wait, first come first served, each once. */
export class WaitingList {
  readonly #limit: number
  #requests: PendingRequest[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  get all(): readonly PendingRequest[] {
    return this.#requests
  }

  find(holder: Holder): PendingRequest | undefined {
    return this.#requests.find((request) => sameHolder(request.holder, holder))
  }

  /** Whoever waits already keeps the place, with the new wish. */
  add(request: PendingRequest): 'added' | 'changed' | 'full' {
    const at = this.#requests.findIndex(({ holder }) => sameHolder(holder, request.holder))
    if (at >= 0) {
      const { requestedAt } = this.#requests[at]!
      this.#requests[at] = { ...request, requestedAt }
      return 'changed'
    }
    if (this.#requests.length >= this.#limit) return 'full'
    this.#requests.push(request)
    return 'added'
  }

  take(holder: Holder): PendingRequest | undefined {
    const request = this.find(holder)
    this.#requests = this.#requests.filter((each) => each !== request)
    return request
  }

  takeFirst(): PendingRequest | undefined {
    return this.#requests.shift()
  }

  /** Removes, and gives, those asked for at or before this time. */
  takeOlderThan(timeMs: number): PendingRequest[] {
    const isOld = ({ requestedAt }: PendingRequest) => Date.parse(requestedAt) <= timeMs
    const old = this.#requests.filter(isOld)
    if (old.length > 0) this.#requests = this.#requests.filter((request) => !isOld(request))
    return old
  }
}
