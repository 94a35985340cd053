/**
 * What the control plane asks of one relay, since only the relay with the link knows it: by direct calls of the built-in relay, by
 * HTTPS of any other. All of it can be sent as JSON.
 */
export interface RelayCalls {
  /** The last requests of a tunnel as its inspector has seen them, the newest first; none while the inspector is off. */
  requests(asked: { tunnelId: string; limit: number; before?: string }): Promise<readonly unknown[]>
  /** One of them with headers and the beginnings of bodies. */
  request(asked: { tunnelId: string; requestId: string }): Promise<unknown>
  /** Sends it once more, and resolves to what came of it; undefined when it is not known any more. */
  replay(asked: { tunnelId: string; requestId: string }): Promise<unknown>
  /** Of tunnels that have a link here: what is under way, and how endpoints do. */
  live(asked: { tunnelIds: readonly string[] }): Promise<Readonly<Record<string, unknown>>>
  /** The last lines of its own log, the newest last. */
  logs(asked: { limit: number }): Promise<readonly unknown[]>
}

export type CallName = keyof RelayCalls
