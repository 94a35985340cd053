import type { AgentEvents, OpenTunnel, TunnelAgent } from '@gantry/sdk/tunnels'

export type Shape = 'live' | 'lines' | 'json'

export interface Output {
  write(text: string): unknown
  readonly columns?: number
}

const CLEAR = '\r\u001b[2K'
const REDRAW_MS = 1_000
/** Of a path, in a terminal that has no room for more. */
const LEAST_PATH = 12

/** Shows what an agent does: with a line that is kept up to date at a terminal, as plain lines elsewhere, as JSON for programs. */
export class View implements Disposable {
  readonly #agent: TunnelAgent
  readonly #shape: Shape
  readonly #output: Output
  readonly #now: () => Date
  readonly #timer: NodeJS.Timeout | undefined
  #requests = 0
  #shown = ''

  constructor(
    agent: TunnelAgent,
    shape: Shape,
    output: Output = process.stdout,
    now = () => new Date(),
  ) {
    this.#agent = agent
    this.#shape = shape
    this.#output = output
    this.#now = now
    this.#follow()
    if (shape === 'live') this.#timer = setInterval(() => this.#redraw(), REDRAW_MS).unref()
  }

  /** A sentence for a person. */
  say(text: string): void {
    this.#tell('notice', { message: text }, text)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    if (this.#shown !== '') this.#output.write(CLEAR)
    this.#shown = ''
  }

  #follow(): void {
    const on = <Kind extends keyof AgentEvents>(
      kind: Kind,
      text: (event: AgentEvents[Kind][0], columnsBefore: number) => string,
    ) =>
      this.#agent.on(kind, ((event: AgentEvents[Kind][0]) => {
        const members = Array.isArray(event) ? { tunnels: event } : (event as object)
        const clock = kind === 'tunnels' ? '' : clockTime(this.#now())
        this.#tell(kind, members, clock + text(event, clock.length))
      }) as never)
    on('tunnels', (tunnels) => tunnels.map(describe).join('\n'))
    on('link', ({ relayId, status, why }) => `relay ${relayId}: ${status}${why ? ` (${why})` : ''}`)
    on('request', (request, columnsBefore) => this.#describeRequest(request, columnsBefore))
    on(
      'health',
      ({ endpointId, status, message }) =>
        `endpoint ${endpointId} is ${status}${message ? `: ${message}` : ''}`,
    )
    on(
      'lost',
      ({ tunnel, detail, waits }) =>
        `${tunnel} is lost: ${detail}${waits ? ' Waiting until it is free.' : ''}`,
    )
    on(
      'unserved',
      ({ tunnel, address }) =>
        `${tunnel} has an endpoint at ${address}; to serve it, start with --allow ${address}`,
    )
    on(
      'unreached',
      ({ address, message }) =>
        `nothing answers at ${address} (${message}): is the service running?`,
    )
    on(
      'retry',
      ({ message, nextMs }) => `${message}; trying again in ${(nextMs / 1000).toFixed(1)} s`,
    )
    on('wake', ({ what }) =>
      what === 'slept' ? 'this machine has slept; asking the relays' : 'the network has changed',
    )
  }

  #describeRequest(request: AgentEvents['request'][0], columnsBefore: number): string {
    const { method, status, durationMs, tunnel, more } = request
    this.#requests += 1 + more
    const left = more > 0 ? `  (and ${more} more)` : ''
    const name = this.#agent.tunnels.length > 1 ? `${tunnel}  ` : ''
    const before = `${name}${method.padEnd(6)} `
    const after = `  ${status}  ${Math.round(durationMs)} ms${left}`
    return before + this.#fit(request.path, columnsBefore + before.length + after.length) + after
  }

  /** At a terminal, so that one request is one line. */
  #fit(path: string, besides: number): string {
    const room = Math.max((this.#output.columns ?? 80) - besides, LEAST_PATH)
    if (this.#shape !== 'live' || path.length <= room) return path
    const end = Math.floor((room - 1) / 3)
    return `${path.slice(0, room - 1 - end)}…${path.slice(path.length - end)}`
  }

  #tell(event: string, members: object, text: string): void {
    if (this.#shape === 'json') {
      const time = this.#now().toISOString()
      this.#output.write(`${JSON.stringify({ event, time, ...members })}\n`)
      return
    }
    const lines = text.split('\n').map((line) => `${printable(line)}\n`)
    this.#output.write((this.#shown === '' ? '' : CLEAR) + lines.join(''))
    this.#shown = ''
    this.#redraw()
  }

  #redraw(): void {
    if (this.#shape !== 'live') return
    const line = this.#status().slice(0, (this.#output.columns ?? 80) - 1)
    if (line === this.#shown) return
    this.#output.write((this.#shown === '' ? '' : CLEAR) + line)
    this.#shown = line
  }

  #status(): string {
    const links = this.#agent.links.map(({ relayId, status, roundTripMs }) => {
      const trip = roundTripMs === undefined ? '' : ` ${Math.max(1, Math.round(roundTripMs))} ms`
      return `${relayId.slice(-6)}${status === 'open' ? trip : ' draining'}`
    })
    const by = links.length === 0 ? 'not connected' : `connected by ${links.join(', ')}`
    const what = this.#requests === 1 ? 'request' : 'requests'
    return `${by} | ${this.#requests} ${what} | Ctrl+C ends it`
  }
}

/** Of the day, here, with the space that parts it from what happened then. */
function clockTime(now: Date): string {
  return `${now.toTimeString().slice(0, 8)} `
}

function describe({ name, url, target }: OpenTunnel): string {
  return `${name}  ${url}  ->  ${target}`
}

/** What visitors send must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}
