import {
  type AgentOptions,
  GantryError,
  NoConnection,
  parseTarget,
  TunnelAgent,
  TunnelLost,
} from '@gantry/sdk/tunnels'
import { openAgentCalls } from '../credentials.ts'
import { KEY, Stop } from '../stop.ts'
import type { RememberedName } from './names.ts'
import { type Shape, View } from './view.ts'

/** What the status of the command tells a program that started it. */
const EXIT = { noConnection: 2, lost: 3, refused: 4 } as const

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const MOST_NAMES = 5

/** Holds tunnels open until a signal, or until it cannot. @throws Stop with the exit status that says why */
export async function holdOpen(options: AgentOptions, shape: Shape): Promise<void> {
  const { calls, url } = await openAgentCalls()
  const [only] = options.tunnels
  for (let attempt = 1; ; attempt++) {
    const remembered = only?.name === undefined ? await nameFor(url, only!) : undefined
    const named = remembered && [{ ...only!, name: await remembered.get() }]
    const agent = new TunnelAgent(calls, { ...options, ...(named && { tunnels: named }) })
    try {
      await run(agent, shape)
      return
    } catch (error) {
      if (!remembered || !isTaken(error) || attempt === MOST_NAMES) throw stopOf(error)
      await remembered.forget()
    }
  }
}

async function nameFor(
  url: string,
  { kind, target }: AgentOptions['tunnels'][number],
): Promise<RememberedName> {
  const { RememberedName } = await import('./names.ts')
  return new RememberedName(url, parseTarget(kind, target))
}

async function run(agent: TunnelAgent, shape: Shape): Promise<void> {
  using view = new View(agent, shape)
  using _signals = leaveOnSignal(agent, view)
  try {
    // Whatever it fails of, `ended` tells too; asked to end meanwhile, it has failed of nothing.
    agent.open().catch(() => {})
    await agent.ended
  } finally {
    await agent.leave()
  }
}

/** The first signal ends it in order, the second at once. */
function leaveOnSignal(agent: TunnelAgent, view: View): Disposable {
  let isLeaving = false
  const leave = (signal: NodeJS.Signals) => {
    if (isLeaving) {
      agent.destroy()
      process.exit(signal === 'SIGINT' ? 130 : 143)
    }
    isLeaving = true
    const under = agent.links.reduce((sum, { streams }) => sum + streams, 0)
    view.say(under > 0 ? 'Ending what is under way; again to stop at once.' : 'Ending.')
    void agent.leave()
  }
  for (const signal of SIGNALS) process.on(signal, leave)
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, leave)
    },
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof GantryError && /^tunnel\.name_(taken|reserved)$/.test(error.code)
}

function stopOf(error: unknown): unknown {
  if (error instanceof TunnelLost) return new Stop(error.message, EXIT.lost)
  if (error instanceof NoConnection) return new Stop(error.message, EXIT.noConnection)
  if (!(error instanceof GantryError) || ![401, 403].includes(error.status)) return error
  const { detail, suggestion, status } = error
  const head = `The key does not count any more, or not for this: ${detail}`
  const advice = status === 401 ? KEY : suggestion
  return new Stop([head, advice].filter(Boolean).join('\n        '), EXIT.refused)
}
