import type { Context } from '#kernel/context.ts'
import type { Doorbell } from '#kernel/doorbell.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import type { Reach } from './diagnostics.ts'
import type { RelayProvider } from './states.ts'

/** What the relays of a running process work with. */
export interface RelaysParts {
  /** Of this control plane. */
  readonly version: string
  /** Asks a relay from here whether it answers; the reason why it does not, or undefined. */
  readonly reach: Reach
  readonly doorbell: Pick<Doorbell, 'answer' | 'ring'>
  /** Aborted when the process is about to stop: nobody is kept waiting then. */
  readonly stopping: AbortSignal
  /** The keys by which a relay checks tokens of its peers, as it gets them when it joins. */
  publicKeys(): Promise<readonly Record<string, unknown>[]>
  /** The subject of a service token for this audience; undefined for one that does not count. */
  subjectOf(token: string, audience: string): Promise<string | undefined>
  /** A service token of 60 s. */
  serviceToken(audience: string, subject: string): Promise<string>
  readonly tunnels: TunnelParts
  readonly machines: RelayMachines
}

/** Machines of the fleet that relays are started on. */
export interface RelayMachines {
  /** Why a provider starts none; undefined when it does. */
  refuses(provider: RelayProvider): string | undefined
  /** The machine of a join token, also of one that people have made. @throws problem `relay.join_refused` */
  redeemToken(
    ctx: Context,
    token: string,
    fingerprint: string,
  ): Promise<{ instanceId: string | null; madeAt: Date }>
  /** Asks for a machine in the caller's transaction; a worker launches it, and a relay on it joins. */
  launch(ctx: Context, provider: RelayProvider): Promise<{ instanceId: string }>
  /** Those that were launched for relays and have not ended, with when they were launched. */
  there(ctx: Context): Promise<readonly { id: string; since: Date }[]>
  /** Ends a machine; nothing when it has ended, or is about to. */
  end(ctx: Context, instanceId: string): Promise<void>
}

/** Called by requests and jobs only, never for the manifest. */
export type Running = () => RelaysParts
