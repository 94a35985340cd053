import type { Duplex } from 'node:stream'
import { tunnelRoute } from '#browsers/index.ts'
import type { Context } from '#kernel/context.ts'
import { NoStream, openStream, type Relay } from '#relays/host.ts'
import { type RelaysParts, sessionRoute } from '#relays/index.ts'
import type { Way } from './session-tunnels.ts'

export interface OwnTunnelsOptions {
  context(): Context
  parts: RelaysParts
  /** Of this process, if it has one. */
  relay(): Relay | undefined
  /** Of the browsers of this process. */
  instanceId(): string
}

/** Ways to tunnels for the browsers of this process: straight by its own relay where that has a link, by another relay else. */
export function ownWays({ context, parts, relay, instanceId }: OwnTunnelsOptions) {
  return (sessionId: string, name: string): Promise<Way> => {
    const wayOf = async (ctx: Context, wanted: Wanted): Promise<Way | undefined> => {
      const own = relay()
      if (own?.side.has(wanted.tunnelId)) return (signal) => connectHere(own, wanted, signal)
      const route = await sessionRoute(ctx, parts, wanted)
      return route && ((signal) => openStream(route, route.token, signal))
    }
    return tunnelRoute(context(), wayOf, { instanceId: instanceId(), sessionId, name })
  }
}

type Wanted = Parameters<typeof sessionRoute>[2]

/** @throws NoStream when the link was lost meanwhile */
function connectHere(relay: Relay, wanted: Wanted, signal: AbortSignal): Duplex {
  if (!relay.side.has(wanted.tunnelId)) throw new NoStream('the relay has no link of the tunnel')
  const stream = relay.side.connect({ kind: 'session', ...wanted })
  const cut = () => stream.destroy()
  stream.on('error', cut)
  signal.addEventListener('abort', cut, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', cut))
  return stream
}
