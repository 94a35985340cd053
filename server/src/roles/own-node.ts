import { type NodeSessions, storeSink } from '#browsers/index.ts'
import { beat, ensureBuiltin, type FleetParts } from '#fleet/index.ts'
import type { Users } from '#kernel/unprivileged.ts'
import type { BrowserDesk } from './browser-desk.ts'
import { BrowserNode, type Chromium } from './browser-node.ts'
import type { Core } from '../parts/core.ts'
import { SessionTunnels, type SessionTunnelsOptions } from './session-tunnels.ts'
import { VERSION } from '../version.ts'

export interface OwnNodeOptions extends Pick<SessionTunnelsOptions, 'wayOf'> {
  users: Users
  chromium: Chromium | undefined
  /** Hears what the browsers have to tell, where this process serves the API. */
  desk: BrowserDesk | undefined
}

/** The browsers of a process that has the database. */
export async function openOwnNode(
  core: Core,
  { users, chromium, desk, wayOf }: OwnNodeOptions,
): Promise<BrowserNode> {
  if (!chromium) throw new Error('the node role needs a browser')
  const { config, home, log, clock, newId, store } = core
  return BrowserNode.open({
    ...{ config, home, users, chromium, log, clock, newId },
    sinkOf: ({ id, accountId }) => storeSink(store, accountId, id),
    deliver: async (instanceId, entries) => desk?.take(instanceId, entries),
    openTunnel: new SessionTunnels({ clock, wayOf }).open,
  })
}

/** The browsers of this process beat like every other node, and need no credential. */
export class OwnBeats {
  readonly #core: Core
  readonly #fleet: FleetParts
  #node: Awaited<ReturnType<typeof ensureBuiltin>> | undefined
  #sequence = 0

  constructor(core: Core, fleet: FleetParts) {
    this.#core = core
    this.#fleet = fleet
  }

  readonly beat = async (node: NodeSessions): Promise<void> => {
    const { max, taken, draining, diskFull, sessions } = node.facts
    const facts = { draining, diskFull, capacity: max, sessions: taken, version: VERSION }
    const ctx = this.#core.systemContext()
    this.#node ??= await ensureBuiltin(ctx, node.instanceId, facts)
    const answer = await beat(ctx, this.#fleet, this.#node, {
      ...{ facts, sequence: ++this.#sequence, sessions: sessions.map(({ id }) => id) },
    })
    this.#sequence = Math.max(this.#sequence, answer.sequence)
    if (answer.drain !== draining) node.drain(answer.drain)
  }
}
