import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Home } from '#kernel/home.ts'
import type { SystemUser } from '#kernel/unprivileged.ts'
import { withDevTools } from './devtools.ts'
import type { Frame } from './identity.ts'
import { LaunchFailed, type LaunchSpec, type Program, launchBrowser } from './launch.ts'
import { ProcessTables } from './process-tables.ts'
import { makeSlotDirectory } from './slot-directory.ts'
import { wipe } from './wipe.ts'

/** A program that has been launched and has answered on this machine, for this user. */
export interface Proof {
  version: string
  headlessShell: boolean
  frame: Frame
  sandbox: 'works' | 'refused'
  /** What Chromium said of the sandbox when it was refused. */
  sandboxReason?: string
}

/** Where and for whom to prove it. */
export interface ProofPlace {
  home: Home
  user?: SystemUser
}

const PROOF_DEADLINE_MS = 20_000
/** The discard port, where nobody listens: a proof has no business on the network. */
const NOWHERE = 9
const WINDOW = { width: 800, height: 600 }
/** The page's size, and whether it can open a socket for UDP: the switch against that has changed its name before. */
const INSPECTION = `(async () => {
  const peer = new RTCPeerConnection()
  peer.createDataChannel('')
  const found = []
  const gathered = new Promise((done) => {
    peer.onicecandidate = ({ candidate }) => candidate ? found.push(candidate.protocol) : done()
  })
  await peer.setLocalDescription(await peer.createOffer())
  await gathered
  return [innerWidth, innerHeight, found.includes('udp')]
})()`

/** Launches the program with its sandbox, then without. @throws LaunchFailed that tells both failures when it runs in neither way. */
export async function prove(
  candidate: Pick<Program, 'path' | 'environment'>,
  place: ProofPlace,
): Promise<Proof> {
  const program = { ...candidate, headlessShell: false, frame: { width: 0, height: 0 } }
  try {
    return { ...(await launchOnce(program, place, 'on')), sandbox: 'works' }
  } catch (refusal) {
    if (!(refusal instanceof LaunchFailed) || refusal.reason === 'not_started') throw refusal
    const proof = await launchOnce(program, place, 'off').catch((error: Error) => {
      throw new LaunchFailed(
        refusal.reason,
        `${refusal.message}; without its sandbox: ${error.message}`,
      )
    })
    return { ...proof, sandbox: 'refused', sandboxReason: refusal.message }
  }
}

async function launchOnce(program: Program, { home, user }: ProofPlace, sandbox: 'on' | 'off') {
  const path = join(home.sessions, `proof-${randomUUID()}`)
  const directory = await makeSlotDirectory(path, user)
  const closeLog = () => directory.stderr.close()
  let leader: { pid: number; startTicks: number; executable: string } | undefined
  const spec: LaunchSpec = {
    program,
    directory,
    user,
    sandbox,
    identity: { viewport: WINDOW },
    proxyPort: NOWHERE,
    verbose: true,
    signal: new AbortController().signal,
    deadlineMs: PROOF_DEADLINE_MS,
    onSpawn: ({ pid, startTicks }) => (leader = { pid, startTicks, executable: program.path }),
  }
  try {
    const { endpoint, product } = await launchBrowser(spec)
    const [name, version = ''] = product.split('/')
    const headlessShell = name === 'HeadlessChrome'
    return { version, headlessShell, frame: await inspect(endpoint) }
  } finally {
    await wipe({
      ...{ directory: path, leader, user, ports: [], close: closeLog },
      ...{ strangers: new Set(), tables: new ProcessTables() },
    })
  }
}

/** How much larger than its page a window is. @throws Error when pages could send packets past the proxy. */
async function inspect(endpoint: string): Promise<Frame> {
  return withDevTools(endpoint, PROOF_DEADLINE_MS, async (send) => {
    const target = await send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' })
    const attach = { ...target, flatten: true }
    const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', attach)
    const script = { expression: INSPECTION, returnByValue: true, awaitPromise: true }
    const { result } = await send<{ result: { value: [number, number, boolean] } }>(
      'Runtime.evaluate',
      script,
      sessionId,
    )
    const [width, height, leaks] = result.value
    if (leaks) throw new Error('its WebRTC would go past the egress proxy')
    return { width: WINDOW.width - width, height: WINDOW.height - height }
  })
}
