// One process of tunnels.soak.ts: a `relay`, or `agents` that each hold one tunnel open and have nothing to do. What it has to know
// comes as JSON in the environment variable `PART`; it prints what it has reached as lines of JSON.
import { startAgent, startRelay, TestControl } from '#relays/fixture.ts'
import type { NewLink, OpenedLink } from '#relays/control.ts'
import type { TunnelSpec } from '#tunnels/index.ts'

export type Part =
  | { role: 'relay'; tls?: { cert: string; key: string } }
  | { role: 'agents'; url: string; ca?: string; from: number; upTo: number }

/** Links that are being opened at once. */
const AT_ONCE = 16

/** Knows a tunnel from the moment in which somebody brings a link of it, as a relay does; keeps no books, which a relay has none of. */
class LateControl extends TestControl {
  readonly #pattern = structuredClone(this.add('idle', [1]))

  override async openLink({ ticket }: NewLink): Promise<OpenedLink> {
    const { runId, label, epochs } = readTicket(ticket)
    const tunnels = epochs.map(([id, epoch]) => {
      const spec = this.#specOf(id)
      return { spec, epoch, url: `http://${spec.name}.localhost` }
    })
    return { runId, label, tunnels, refused: [] }
  }

  override async closeLink(): Promise<void> {}

  #specOf(id: string): TunnelSpec {
    const spec = structuredClone(this.#pattern)
    const endpoints = spec.endpoints.map((one) => ({ ...one, id: `tep_${id}` }))
    return {
      ...spec,
      id,
      name: id,
      hostnames: [`${id}.localhost`],
      endpoints,
      holders: { default: 1 },
    }
  }
}

interface Ticket {
  runId: string
  label: string
  epochs: [id: string, epoch: number][]
}

function readTicket(ticket: string): Ticket {
  return JSON.parse(Buffer.from(ticket, 'base64url').toString()) as Ticket
}

const part = JSON.parse(process.env.PART!) as Part
await (part.role === 'relay' ? runRelay(part) : runAgents(part))

async function runRelay({ tls }: Part & { role: 'relay' }): Promise<void> {
  const pair = tls && { tls: { cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) } }
  const { relay, url } = await startRelay(new LateControl(), pair)
  process.on('SIGUSR2', () => {
    globalThis.gc!()
    globalThis.gc!()
    const { rss, heapUsed } = process.memoryUsage()
    tell({ links: relay.facts.links, rss, heapUsed, cpu: process.cpuUsage() })
  })
  tell({ url })
}

async function runAgents({ url, ca, from, upTo }: Part & { role: 'agents' }): Promise<void> {
  const control = new TestControl()
  const wanted = Array.from({ length: upTo - from }, (_, at) => from + at).values()
  const open = async () => {
    for (const number of wanted) {
      const tunnel = control.add(`idle-${number}`, [1])
      const ticket = { runId: `tar_${number}`, label: 'default', epochs: [[tunnel.id, 1]] }
      const text = Buffer.from(JSON.stringify(ticket)).toString('base64url')
      const { link } = await startAgent({ control, url }, [tunnel], {
        ticket: text,
        ...(ca && { ca }),
      })
      void link.closed.then((why) => tell({ lost: number, why: String(why) }))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, open))
  tell({ open: upTo - from })
}

function tell(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
