import type { Clock } from '#kernel/clock.ts'
import type { TrustedKeys } from '#kernel/service-token.ts'
import type { TunnelSpec } from '#tunnels/index.ts'
import { Gate } from './gate.ts'
import { PasswordChecks, Tries } from './hashing.ts'
import { KnownPasses } from './passes.ts'

/** What the gates of one relay share. */
export interface GateTools {
  readonly clock: Clock
  /** The control plane's, by which visitors who have signed in are known. */
  keys(): TrustedKeys
  readonly tries: Tries
  readonly passwords: PasswordChecks
  readonly knownPasses: KnownPasses
}

/** Makes the gates of a relay's tunnels. */
export class Gates {
  readonly #tools: GateTools

  constructor({ clock, keys }: Pick<GateTools, 'clock' | 'keys'>) {
    const tries = new Tries(clock)
    this.#tools = {
      clock,
      keys,
      tries,
      passwords: new PasswordChecks(tries),
      knownPasses: new KnownPasses(),
    }
  }

  open(spec: TunnelSpec): Gate {
    return new Gate(this.#tools, spec)
  }
}
