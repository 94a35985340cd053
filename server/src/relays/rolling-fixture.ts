import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { eventually } from '#kernel/test-support.ts'
import { Reach } from '../../../sdk/src/tunnels/reach.ts'
import { LinkKeeper } from '../../../sdk/src/tunnels/link-keeper.ts'
import { Link } from '../../../sdk/src/tunnels/link.ts'
import { TIMING } from '../../../sdk/src/tunnels/timing.ts'
import { serveHttp, startRelay, TestControl, type TestRelay } from './fixture.ts'

const CLIENTS = 16
const MOST_RETRIES = 20
const MOST_RESTARTS = 1_000

export interface Rolled {
  restarts: number
  orders: number
  /** Answered with 200. */
  served: number
  /** Sent again since a relay said that it had not passed them on. */
  sentAgain: number
  failed: string[]
  /** Of orders that the service has seen any other number of times than once. */
  wrong: string[]
}

/** One of the relays that a balancer sends visitors to. */
interface Front {
  id: string
  relay: TestRelay
  agent: Agent
  /** Sent, and not answered. */
  underWay: number
}

/**
 * Sends unsafe requests through a tunnel while its two relays are restarted in turn, in order: each is taken out of the balancer,
 * drained, ended and begun anew. It ends with as many requests and restarts, at least; both happen all the time until then. The
 * service keeps a ledger of what it has seen.
 */
export async function rollThrough(least: { orders: number; restarts: number }): Promise<Rolled> {
  const ledger = new Map<string, number>()
  await using service = await serveHttp((asked, response) => {
    asked.resume()
    ledger.set(asked.url!, (ledger.get(asked.url!) ?? 0) + 1)
    asked.once('end', () => response.end('taken'))
  })
  const control = new TestControl()
  const spec = control.add('shop', [service.port])
  const ticket = control.hold([spec.id])
  const fronts = new Map<string, Front>()
  const ready = new Set<string>()
  const ended = new AbortController()
  const reach = new Reach()
  reach.allow(spec.id, [{ host: '127.0.0.1', port: service.port }])

  const begin = async (id: string) => {
    fronts.set(id, {
      id,
      relay: await startRelay(control, { id }),
      ...{ agent: new Agent({ keepAlive: true }), underWay: 0 },
    })
  }
  const keeper = new LinkKeeper({
    ...{ wanted: 2, signal: ended.signal, timing: { ...TIMING, lookAgainMs: 50 } },
    invite: async () => {
      const relays = [...fronts].map(([id, { relay }]) => ({ id, url: relay.url }))
      return { runId: 'tar_test', ticket, relays, tunnels: [], refused: [] }
    },
    open: (relay) =>
      Link.open({
        ...{ relay, runId: 'tar_test', reach, insecure: false, dialMs: 5_000, timing: TIMING },
        dial: { ticket, version: 'test', signal: ended.signal, env: {} },
        onMessage: () => {},
      }),
    ...{ onOpen: () => {}, onClosed: () => {}, onFailure: () => true },
  })
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => {
    for (const { agent, relay } of fronts.values()) {
      agent.destroy()
      await relay[Symbol.asyncDispose]()
    }
  })
  stack.defer(() => {
    ended.abort()
    for (const link of keeper.links) link.destroy()
  })

  const admit = async (id: string) => {
    await eventually('the agent is linked', () => fronts.get(id)!.relay.relay.side.has(spec.id))
    ready.add(id)
  }
  for (const id of ['rel_1', 'rel_2']) await begin(id)
  void keeper.run()
  for (const id of ['rel_1', 'rel_2']) await admit(id)

  const rolled: Rolled = {
    ...{ restarts: 0, orders: 0, served: 0, sentAgain: 0 },
    ...{ failed: [], wrong: [] },
  }
  const wanted = () => rolled.orders < least.orders || rolled.restarts < least.restarts
  let isDone = false
  const client = async () => {
    while (wanted() && rolled.failed.length === 0) {
      await order(`/order/${rolled.orders++}`, fronts, ready, rolled)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client)).then(() => {
    isDone = true
  })
  const restart = async () => {
    for (let turn = 0; turn < MOST_RESTARTS; turn++) {
      if (isDone) return
      const id = ['rel_1', 'rel_2'][turn % 2]!
      const front = fronts.get(id)!
      const { relay, agent } = front
      ready.delete(id)
      fronts.delete(id)
      await relay.relay.drain(AbortSignal.timeout(60_000))
      // As the listener of the product does, which ends after its last answer.
      await eventually('all are answered', () => front.underWay === 0)
      await relay[Symbol.asyncDispose]()
      agent.destroy()
      await begin(id)
      await admit(id)
      rolled.restarts++
    }
  }
  await Promise.all([clients, restart()])
  rolled.wrong = Array.from({ length: rolled.orders }, (_, at) => `/order/${at}`)
    .filter((path) => ledger.get(path) !== 1)
    .map((path) => `${path}: ${ledger.get(path) ?? 0}`)
  return rolled
}

/** As a balancer does: another relay when one says that nothing was passed on; what may have been taken is not sent again. */
async function order(
  path: string,
  fronts: ReadonlyMap<string, Front>,
  ready: ReadonlySet<string>,
  rolled: Rolled,
): Promise<void> {
  for (let attempt = 0; attempt < MOST_RETRIES; attempt++) {
    const front = await eventually('a relay is ready', () => fronts.get(pick(ready)))
    const { relay, agent } = front
    if (!ready.has(front.id)) continue
    front.underWay++
    const outcome = await send(relay.port, agent, path).catch((error: Error) => error.message)
    front.underWay--
    if (outcome === 'taken') {
      rolled.served++
      return
    }
    if (outcome !== 'tunnel.no_agent' && outcome !== 'tunnel.draining') {
      rolled.failed.push(`${path}: ${outcome}`)
      return
    }
    rolled.sentAgain++
  }
  rolled.failed.push(`${path}: nobody took it`)
}

function pick(ready: ReadonlySet<string>): string {
  const all = [...ready]
  return all[Math.floor(Math.random() * all.length)] ?? ''
}

async function send(port: number, agent: Agent, path: string): Promise<string> {
  const asked = request({
    ...{ port, host: '127.0.0.1', agent, method: 'POST', path },
    headers: { host: 'shop.localhost', 'content-length': 2 },
  })
  const answered = once(asked, 'response')
  asked.end('{}')
  const [answer] = (await answered) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  if (answer.statusCode === 200) return 'taken'
  return String(answer.headers['gantry-tunnel-error'] ?? answer.statusCode)
}
