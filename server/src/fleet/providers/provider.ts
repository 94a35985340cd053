import { scrub } from '#kernel/log.ts'
export const PROVIDERS = ['local', 'ec2', 'kubernetes'] as const
export type ProviderName = (typeof PROVIDERS)[number]

export type Health = 'healthy' | 'unhealthy'

/** One machine as its provider tells it. */
export interface Machine {
  readonly providerId: string
  /** Our id, from the machine's tags. */
  readonly instanceId?: string
  /** From the machine's tags. */
  readonly purpose?: string
  /** `gone`: ended, or about to. */
  readonly state: 'pending' | 'running' | 'stopping' | 'gone'
  /** The provider's own word for it. */
  readonly providerStatus: string
  /** Absent while nobody knows. */
  readonly health?: Health
  readonly region?: string
  readonly instanceType?: string
  readonly spot?: boolean
  readonly launchedAt?: Date
  readonly publicDnsName?: string
  readonly publicIpAddress?: string
  readonly privateIpAddress?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** By what a provider finds a machine again. */
export type MachineRef = Pick<Machine, 'providerId' | 'region'>

/** What a provider lists. */
export interface Listing {
  readonly machines: readonly Machine[]
  /** Regions that have answered; of machines elsewhere the list says nothing. Absent where there are no regions. */
  readonly heard?: readonly string[]
  /** Why the other regions have not. */
  readonly failures?: readonly ProviderFailure[]
}

export interface LaunchSpec {
  /** Our id. Two launches of one id make one machine. */
  readonly instanceId: string
  readonly purpose: string
  /** One of the provider's; its first when absent. */
  readonly region?: string
  /** The provider's choice when absent. */
  readonly instanceType?: string
  readonly spot: boolean
  readonly tags: Readonly<Record<string, string>>
  /** What the node shows to join; the same for every launch of one id. */
  readonly joinToken: string
}

interface AnyProvider {
  readonly name: ProviderName
  /** Why it cannot launch, or cannot restart, for people; absent when it can. */
  readonly refuses: { readonly launch?: string; readonly restart?: string }
  /** Where it launches, the usual one first; absent where nobody can choose. */
  readonly regions?: readonly string[]
  /** Every machine that carries our tag; what has ended may still be among them for a while. */
  list(signal: AbortSignal): Promise<Listing>
  /** Undefined for a machine that is not there, or not ours. */
  describe(machine: MachineRef, signal: AbortSignal): Promise<Machine | undefined>
  restart(machine: MachineRef, signal: AbortSignal): Promise<void>
  close?(): void
}

/** Makes and ends one machine at a time. Every call fails with a `ProviderFailure`. */
export interface MachineProvider extends AnyProvider {
  readonly kind: 'machines'
  launch(spec: LaunchSpec, signal: AbortSignal): Promise<Machine>
  /** Nothing when it has ended already. */
  terminate(machine: MachineRef, signal: AbortSignal): Promise<void>
}

/** Keeps a number of machines that are all alike; which ones go when there are fewer can be told. */
export interface ScaledProvider extends AnyProvider {
  readonly kind: 'scaled'
  /** Makes the number so; calling it again with the same number changes nothing. */
  scale(wanted: number, unwanted: readonly string[], signal: AbortSignal): Promise<void>
}

export type Provider = MachineProvider | ScaledProvider

/**
 * Why a provider did not do it. `throttled` and `unavailable` may pass by themselves and leave open whether it was done; the others
 * are final, and nothing was made.
 */
export type FailureReason = 'capacity' | 'throttled' | 'unavailable' | 'refused' | 'not_ours'

export class ProviderFailure extends Error {
  readonly reason: FailureReason

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    // It is kept and shown, and holds what somebody else's server has said.
    super(scrub(message), { cause })
    this.name = 'ProviderFailure'
    this.reason = reason
  }

  get mayPass(): boolean {
    return this.reason === 'throttled' || this.reason === 'unavailable'
  }
}
