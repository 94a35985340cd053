import type { Context } from '#kernel/context.ts'

/** What tunnels know of the relays that carry them, and how one of those is asked. */
export interface TunnelRelays {
  /** Every relay that has not ended, as its judge sees it. */
  seen(ctx: Context): Promise<readonly RelaySeen[]>
  /** Undefined for one that nobody can reach. */
  callsTo(ctx: Context, relayId: string): Promise<TunnelCalls | undefined>
}

export interface RelaySeen {
  relayId: string
  name: string
  status: string
  /** Whether it takes visitors and agents, and its judge has heard of it lately. */
  healthy: boolean
  /** Where visitors and agents reach it. */
  url?: string
  message?: string
}

/** What one relay can be asked. Its answers are checked before anybody sees them. */
export interface TunnelCalls {
  /** The last requests of a tunnel, the newest first; `after` is of an earlier answer of any relay. */
  requests(asked: {
    tunnelId: string
    limit: number
    after?: string
  }): Promise<{ requests: readonly unknown[]; after?: string }>
  /** One of them, with headers and the beginnings of bodies; undefined when it is not kept any more. */
  request(asked: { tunnelId: string; requestId: string }): Promise<unknown>
  /** Makes it once more: `{ requestId }`, or `{ refused, detail }`. */
  replay(asked: { tunnelId: string; requestId: string; withoutSecrets?: boolean }): Promise<unknown>
  /** How those of these tunnels do that have a link there. */
  live(asked: { tunnelIds: readonly string[] }): Promise<Readonly<Record<string, unknown>>>
}
