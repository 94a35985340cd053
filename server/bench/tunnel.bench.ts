// A tunnel over a TLS link with all limits on, beside the least that does the same work, localtunnel and `ssh -R`: the same service,
// turn by turn.
import { LeftOut } from './peers/contender.ts'
import { printMachine } from './table.ts'
import { Chain } from './tunnel-chain.ts'
import { type Opener, openLocaltunnel, openSsh } from './tunnel-peers.ts'
import { answers } from './tunnel-requests.ts'
import {
  alone,
  bulk,
  longWay,
  mixed,
  opened,
  smallRequests,
  stalled,
  type Ways,
} from './tunnel-sections.ts'

/** An agent that was just begun. */
const OPEN_MS = 3_000

await using stack = new AsyncDisposableStack()
const chain = await Chain.open(stack)
const openers = { Gantry: await chain.command(), ...(await openPeers()) }
await section('opened', 45, (signal) => opened(openers, signal))

const floors: Ways = { 'bare Node proxy': await chain.bareProxy() }
const piped: Ways = { ...floors, 'bare TLS pipe': await chain.barePipe() }
const gantry: Ways = { Gantry: await chain.tunnel() }
const peers = await openedPeers()
const { direct } = chain
await section('small requests', 80, (signal) =>
  smallRequests({ direct, ...floors, ...gantry, ...peers }, signal),
)
await section('alone', 30, (signal) => alone({ direct, ...piped, ...gantry, ...peers }, signal))
await section('bulk', 60, (signal) => bulk({ direct, ...piped, ...gantry, ...peers }, signal))
await section('mixed', 45, (signal) => mixed({ ...floors, ...gantry, ...peers }, signal))
for (const readers of [64, 400] as const) {
  await section(`${readers} stalled`, 40, (signal) => stalled(chain, readers, signal))
}
await section('long way', 45, (signal) => longWay(chain, signal))
printMachine()

/** What is not over by then ends with what it has, on a machine that is too busy. */
async function section(
  name: string,
  seconds: number,
  measure: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = AbortSignal.timeout(seconds * 1000)
  try {
    await measure(late)
  } catch (error) {
    process.exitCode = 1
    console.log(`  FAILED  ${name}: ${(error as Error).message}`)
  }
  if (late.aborted) console.log(`  STOPPED  ${name}, after ${seconds} s`)
}

async function openPeers(): Promise<Record<string, Opener>> {
  const open: Record<string, Opener> = {}
  for (const [name, begin] of [
    ['localtunnel', openLocaltunnel],
    ['ssh -R', openSsh],
  ] as const) {
    try {
      open[name] = await begin(chain.servicePort, stack)
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error
      console.log(`  SKIPPED  ${name}, since ${error.message}`)
    }
  }
  return open
}

/** Those whose agent is linked, after another try if need be. */
async function openedPeers(): Promise<Ways> {
  const ways: Ways = {}
  const { Gantry: _command, ...others } = openers as Record<string, Opener>
  for (const [name, opener] of Object.entries(others)) {
    const isOpen = async () => answers(opener.port, performance.now() + OPEN_MS)
    if (await isOpen()) ways[name] = opener
    else {
      opener.begin()
      if (await isOpen()) ways[name] = opener
      else console.log(`  SKIPPED  requests by ${name}, which did not open again`)
    }
  }
  return ways
}
