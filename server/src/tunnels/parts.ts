import type { Context } from '#kernel/context.ts'
import type { Outside } from './diagnostics/outside.ts'
import type { TunnelRelays } from './usage/relayed.ts'

/** What tunnels of a running process work with. */
export interface TunnelParts {
  /** Below which tunnels have their hostnames: `tunnels.example.com`. */
  readonly domain: string
  /** For TCP tunnels, the first and the last. */
  readonly ports: readonly [number, number]
  /** Where visitors reach a hostname: `https://shop.tunnels.example.com`, with a port where it is not the usual one. */
  urlOf(hostname: string): string
  /** What an agent shows to a relay, for 60 s: a service token whose audience is `relay` and whose subject is the run. */
  ticketFor(runId: string): Promise<string>
  /** Relays that an agent may dial now, the best first. */
  relays(ctx: Context): Promise<readonly { id: string; url: string }[]>
  /** Of visitors, in the form of users' passwords. */
  hashPassword(password: string, signal: AbortSignal): Promise<string>
  /** Whether whoever has started a run may still hold tunnels of the account open. */
  mayHold(ctx: Context, starter: Starter): Promise<boolean>
  /** The relays, which know what is under way. */
  readonly relayCalls: TunnelRelays
  readonly outside: Outside
  /** Wakes whoever waits for news of tunnels, in all processes. */
  ring(): void
}

/** Who has started a run of an agent: a person, by a sign-in or a key. */
export interface Starter {
  accountId: string
  userId: string
  keyId?: string | undefined
  signInId?: string | undefined
}

/** Called by requests, jobs and readers only, never for the manifest. */
export type Running = () => TunnelParts
