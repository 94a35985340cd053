import type { Context } from '#kernel/context.ts'
import type { Outside } from './diagnostics/outside.ts'
import type { TunnelRelays } from './usage/relayed.ts'
import type { TrafficCounts } from './usage/take.ts'

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
  /** Relays that an agent may dial now, the best first. */
  relays(ctx: Context): Promise<readonly { id: string; url: string }[]>
  /** Whether each of these relays that lives goes by what was changed up to a revision. */
  haveHeard(ctx: Context, relayIds: readonly string[], revision: string): Promise<boolean>
  /** In the form that relays check. @throws TurnsFull when too many are hashed now */
  hashPassword(password: string, signal: AbortSignal): Promise<string>
  /** Accounts that the user is a member of. */
  accountsOf(ctx: Context, userId: string): Promise<readonly string[]>
  /** The key of a user's address, if they have proven it. */
  provenEmailKey(ctx: Context, userId: string): Promise<string | undefined>
  /** Whether there is such a user or account now. */
  isThere(ctx: Context, who: { userId: string } | { accountId: string }): Promise<boolean>
  /** Whether whoever has started a run may still hold tunnels of the account open. */
  mayHold(ctx: Context, starter: Starter): Promise<boolean>
  /** The relays, which know what is under way. */
  readonly relayCalls: TunnelRelays
  readonly outside: Outside
  /** The texts of TXT records of a name; none when it has none. @throws Error when nobody can tell within the deadline */
  resolveTxt(name: string, signal: AbortSignal): Promise<readonly string[]>
  /** Host names of the service itself, which no tunnel may have. */
  ownHosts(): readonly string[]
  /** Hears of what relays have reported, once it is taken; neither waits nor throws. */
  counted(counts: readonly TrafficCounts[]): void
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
