import type { Context } from '#kernel/context.ts'
import type { Logger } from '#kernel/log.ts'
import type { RelayCalls } from './peers/calls.ts'
import { AUDIENCES } from './peers/wire.ts'
import { RelayClient } from './relay-client.ts'
import { peersOf } from './relays.ts'

export interface RelayClientsOptions {
  /** The relay of this process, once it is open: it is called directly. */
  own(): { id: string; calls: RelayCalls } | undefined
  serviceToken(audience: string, subject: string): Promise<string>
  log: Logger
}

const MOST = 256

/** The relays of an installation, as the control plane calls them. Connections to one are kept until it has another address. */
export class RelayClients implements AsyncDisposable {
  readonly #options: RelayClientsOptions
  readonly #clients = new Map<string, RelayClient>()

  constructor(options: RelayClientsOptions) {
    this.#options = options
  }

  /** Undefined for one that nobody can reach. */
  async callsTo(ctx: Context, relayId: string): Promise<RelayCalls | undefined> {
    const own = this.#options.own()
    if (own?.id === relayId) return own.calls
    const [peer] = await peersOf(ctx, [relayId])
    const known = this.#clients.get(relayId)
    const isSame =
      known?.peer.internalUrl === peer?.internalUrl && known?.peer.fingerprint === peer?.fingerprint
    if (known && isSame) return known
    await this.#drop(relayId)
    if (!peer) return undefined
    const { log, serviceToken } = this.#options
    const tokenFor = (id: string) => serviceToken(AUDIENCES.call, id)
    const client = new RelayClient({ peer, log, tokenFor })
    this.#clients.set(relayId, client)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > MOST && oldest !== undefined) await this.#drop(oldest)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((id) => this.#drop(id)))
  }

  async #drop(relayId: string): Promise<void> {
    const client = this.#clients.get(relayId)
    this.#clients.delete(relayId)
    await client?.[Symbol.asyncDispose]()
  }
}
