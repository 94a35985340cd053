import type { Context } from '#kernel/context.ts'
import type { TunnelMetrics } from './schema.ts'

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
  /** What a relay takes a visitor in by, for 60 s: a service token whose audience is the tunnel. */
  visitTicketFor(tunnelId: string, subject: string): Promise<string>
  /** Whether whoever is acting is a member of the account and could act for it now. */
  isMember(ctx: Context, accountId: string): Promise<boolean>
  /** The accounts that somebody is a member of. */
  accountsOf(ctx: Context, userId: string): Promise<readonly string[]>
  /** Relays that an agent may dial now, the best first. */
  relays(ctx: Context): Promise<readonly { id: string; url: string }[]>
  /** In the form that relays check. @throws TurnsFull when too many are hashed now */
  hashPassword(password: string, signal: AbortSignal): Promise<string>
  /** Whether whoever has started a run may still hold tunnels of the account open. */
  mayHold(ctx: Context, starter: Starter): Promise<boolean>
  /** What the tunnels have carried in the last 24 hours; those that are left out have carried nothing. */
  metricsOf(ctx: Context, tunnelIds: readonly string[]): Promise<ReadonlyMap<string, TunnelMetrics>>
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
