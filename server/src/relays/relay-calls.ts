import type { Directory } from './http/directory.ts'
import type { ServedTunnel } from './http/served-tunnel.ts'
import type { LiveFigures, LoggedLine, RelayCalls } from './peers/calls.ts'

/** What the control plane asks of this relay. */
export function answerCalls(
  directory: Directory,
  logs: (limit: number) => readonly LoggedLine[],
): RelayCalls {
  const inspectorOf = (tunnelId: string) => directory.byId(tunnelId)?.awake?.inspector
  return {
    requests: async ({ tunnelId, limit, after }) =>
      inspectorOf(tunnelId)?.list({ limit, ...(after !== undefined && { after }) }) ?? {
        requests: [],
      },
    request: async ({ tunnelId, requestId }) => inspectorOf(tunnelId)?.get(requestId),
    replay: async ({ tunnelId, requestId, withoutSecrets = false }) =>
      inspectorOf(tunnelId)?.replay(requestId, { withoutSecrets }) ?? {
        refused: 'gone',
        detail: 'It is not among the last requests any more.',
      },
    live: async ({ tunnelIds }) => {
      const linked = tunnelIds
        .map((id) => directory.byId(id))
        .filter((served) => served !== undefined && !served.links.isEmpty)
      return Object.fromEntries(linked.map((served) => [served!.spec.id, liveOf(served!)]))
    },
    logs: async ({ limit }) => logs(limit),
  }
}

function liveOf({ spec, links, awake }: ServedTunnel): LiveFigures {
  const states = new Map(awake?.balance.states().map((state) => [state.id, state]))
  return {
    links: links.all.length,
    inUse: awake?.limits.inUse ?? 0,
    waiting: awake?.limits.waiting ?? 0,
    endpoints: spec.endpoints.map(({ id, agent }) => ({
      ...{ id, breaker: 'closed', ...states.get(id), linked: links.has(agent) },
    })),
    ...(awake && { lastMinute: awake.meter.figures() }),
  }
}
