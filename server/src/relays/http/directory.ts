import type { TunnelSpec } from '#tunnels/index.ts'
import type { Found, Peer, RelayControl } from '../control.ts'
import type { Link } from '../links/link.ts'
import type { Place } from '../watch.ts'
import { ServedTunnel } from './served-tunnel.ts'
import type { Surroundings } from './surroundings.ts'

/** That nothing has a name is believed this long; it may be made at any moment. */
const MISSING_MS = 2_000
/** Where other relays have a link is asked again after this. */
const PEERS_MS = 1_000
const MOST_MISSING = 10_000
const MOST_ASKED = 256
/** Of names that are no tunnel's, asked for by whoever sends requests with any host. */
const ASK_DEADLINE_MS = 5_000

export type Name = { hostname: string } | { port: number } | { tunnelId: string }

export interface DirectoryOptions {
  control: Pick<RelayControl, 'find'>
  surroundings: Surroundings
  /** How far news of tunnels were told. */
  told(): Place
  /** A tunnel is known that was not, from a question that was asked when news were told up to there. */
  onLearnt(since: Place): void
  /** Links have lost a tunnel by what its spec says now. */
  onLost(served: ServedTunnel, links: readonly Link[]): void
}

/** The tunnels that this relay knows: those that it has a link of, and those that visitors have asked it for lately. */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #byId = new Map<string, ServedTunnel>()
  readonly #byName = new Map<string, ServedTunnel>()
  /** Until when a name is known to be nobody's, on the steady clock. */
  readonly #missing = new Map<string, number>()
  readonly #asked = new Map<string, Promise<ServedTunnel | undefined>>()

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  get tunnels(): Iterable<ServedTunnel> {
    return this.#byId.values()
  }

  get ids(): string[] {
    return [...this.#byId.keys()]
  }

  byId(id: string): ServedTunnel | undefined {
    return this.#byId.get(id)
  }

  /** What is known without asking: undefined also for a name that nobody has been asked about. */
  known(name: Name): ServedTunnel | undefined {
    return 'tunnelId' in name ? this.#byId.get(name.tunnelId) : this.#byName.get(keyOf(name))
  }

  isMissing(name: Name): boolean {
    return (this.#missing.get(keyOf(name)) ?? 0) > performance.now()
  }

  /** Asks the control plane what is not known. Many who ask for one name at once ask together. */
  async find(name: Name): Promise<ServedTunnel | undefined> {
    const known = this.known(name)
    if (known || this.isMissing(name)) return known
    return this.#ask(name)
  }

  /** Which other relays have a link of it; asked again once in a while. */
  async peersOf(served: ServedTunnel): Promise<readonly Peer[]> {
    if (performance.now() - served.askedMs > PEERS_MS) await this.#ask({ tunnelId: served.spec.id })
    return served.peers
  }

  /** How far news were told when something is about to be asked; see `take`. */
  get told(): Place {
    return this.#options.told()
  }

  /** What the control plane has answered to a question that was asked at `since`. */
  take(spec: TunnelSpec, url: string, since: Place): ServedTunnel {
    const known = this.#byId.get(spec.id)
    if (known) {
      this.apply(spec)
      return known
    }
    const served = new ServedTunnel(spec, url, this.#options.surroundings)
    this.#byId.set(spec.id, served)
    this.#name(served)
    this.#options.onLearnt(since)
    return served
  }

  /** Takes a newer spec. */
  apply(spec: TunnelSpec): void {
    const served = this.#byId.get(spec.id)
    if (!served) return
    this.#unname(served)
    const lost = served.apply(spec)
    this.#name(served)
    this.#options.onLost(served, lost)
  }

  /** Forgets one that was deleted, or that nobody uses. */
  drop(served: ServedTunnel): void {
    this.#unname(served)
    this.#byId.delete(served.spec.id)
    served.end()
  }

  async #ask(name: Name): Promise<ServedTunnel | undefined> {
    const key = keyOf(name)
    const asked = this.#asked.get(key)
    if (asked) return asked
    if (this.#asked.size >= MOST_ASKED) throw new Error('too many names are being asked for')
    const asking = this.#askOnce(name).finally(() => this.#asked.delete(key))
    this.#asked.set(key, asking)
    return asking
  }

  async #askOnce(name: Name): Promise<ServedTunnel | undefined> {
    const since = this.told
    const found = await inTime(this.#options.control.find(name))
    if (!found) {
      this.#noteMissing(keyOf(name))
      return undefined
    }
    const served = this.take(found.spec, found.url, since)
    served.peers = found.relays
    served.askedMs = performance.now()
    return served
  }

  #noteMissing(key: string): void {
    if (this.#missing.size >= MOST_MISSING) this.#missing.clear()
    this.#missing.set(key, performance.now() + MISSING_MS)
  }

  #name(served: ServedTunnel): void {
    for (const key of namesOf(served.spec)) {
      this.#byName.set(key, served)
      this.#missing.delete(key)
    }
  }

  #unname(served: ServedTunnel): void {
    for (const key of namesOf(served.spec)) {
      if (this.#byName.get(key) === served) this.#byName.delete(key)
    }
  }
}

async function inTime(found: Promise<Found | undefined>): Promise<Found | undefined> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error('the control plane was silent')),
    ASK_DEADLINE_MS,
  )
  try {
    return await Promise.race([found, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function keyOf(name: Name): string {
  if ('hostname' in name) return name.hostname
  return 'port' in name ? `:${name.port}` : `#${name.tunnelId}`
}

function namesOf({ hostnames, port }: TunnelSpec): string[] {
  return port === undefined ? [...hostnames] : [...hostnames, `:${port}`]
}
