import type { Actor, Context } from '#kernel/context.ts'
import type { Provider, ProviderName } from './providers/provider.ts'

/** How much browsers are wanted. */
export interface Load {
  /** Sessions that wait for a place. */
  queued: number
  /** How long the first of them has waited; 0 when none does. */
  oldestQueuedSeconds: number
}

/** What a user wants of EC2 machines that they ask nothing else of. */
export interface LaunchPreferences {
  preferredRegion?: string | undefined
  instanceType?: string | undefined
  terminateWhenIdle?: boolean | undefined
  idleTimeoutMinutes?: number | undefined
}

/** What the fleet of a running process works with. */
export interface FleetParts {
  /** The providers that are set up. */
  readonly providers: ReadonlyMap<ProviderName, Provider>
  /** What join tokens are made from; 32 bytes that nothing else has. */
  readonly joinSecret: Buffer
  /** The keys by which a node checks that a call comes from its control plane, as it gets them when it joins. */
  publicKeys(): Promise<readonly Record<string, unknown>[]>
  load(ctx: Context): Promise<Load>
  /** Which of a node's sessions have ended in the database, or never were on this machine. */
  sessionsToEnd(ctx: Context, instanceId: string, sessions: readonly string[]): Promise<string[]>
  /** The generations of those of a node's sessions whose URLs were ever revoked. */
  generationsOf(
    ctx: Context,
    instanceId: string,
    sessions: readonly string[],
  ): Promise<Record<string, number>>
  /** Ends the sessions of a machine that is no more; may be called again. */
  endSessions(ctx: Context, instanceId: string): Promise<void>
  /** The account of a user; nothing when there is no such user. */
  accountOf(ctx: Context, userId: string): Promise<string | undefined>
  /** Empty for a user who is not there. */
  preferencesOf(ctx: Context, userId: string): Promise<LaunchPreferences>
  /** Whether the actor holds a permission. */
  allows(actor: Actor, permission: string): boolean
}

/** Called by requests and jobs only, never for the manifest. */
export type Running = () => FleetParts
