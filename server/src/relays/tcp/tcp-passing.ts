import type { ClientHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Admitted } from '../gate/admission.ts'
import { whyNotStarted } from '../gate/problems.ts'
import { type Caller, Passage } from '../http/passage.ts'
import { enter } from '../http/serve-request.ts'
import type { ServedTunnel, UnderWay } from '../http/served-tunnel.ts'
import { LimitReached } from '../limits/limits.ts'
import { LinkLost, NotReached } from '../links/link.ts'

/** For the last bytes of one side to be taken by the other. */
const FLUSH_MS = 30_000

/** One connection to a TCP tunnel: bytes both ways, each at the pace of its reader, and either side may end its half alone. */
export class TcpPassing implements UnderWay {
  readonly passage: Passage
  readonly #socket: Duplex
  #stream: ClientHttp2Stream | undefined
  #reached = false
  #outcome: string | undefined
  #behind = false
  #flush: NodeJS.Timeout | undefined
  #paces = new Set<NodeJS.Timeout>()
  /** What the visitor sends waits for the bandwidth. */
  #isPaced = false

  /** Gate, limits, balance: as a request's, except that nothing can be shown but an address. */
  static async begin(served: ServedTunnel, socket: Duplex, caller: Caller): Promise<void> {
    const passing = new TcpPassing(served, socket, caller)
    const { passage } = passing
    if (!served.spec.started) return passing.refuse(whyNotStarted(served.spec).code)
    try {
      if (caller.sessionId === undefined) {
        const judged = await served.active.gate.judge({
          ...{ method: 'GET', url: '/', rawHeaders: [], host: served.spec.name },
          ...{ ip: caller.ip, secure: caller.secure },
        })
        if (!judged.let) return passing.refuse(judged.code ?? 'gate')
        passage.admitted = judged
      }
      passage.slot = await enter(passage, socket)
    } catch (error) {
      passage.limit = 'connections'
      const isFull = error instanceof LimitReached
      return passing.refuse(isFull ? 'tunnel.too_many_connections' : 'visitor_left')
    }
    // A place that came too late is given back at once.
    if (socket.destroyed) return passage.slot[Symbol.dispose]()
    passing.#start()
  }

  private constructor(served: ServedTunnel, socket: Duplex, caller: Caller) {
    this.#socket = socket
    this.passage = new Passage(served.active, caller, { kind: 'tcp' })
    this.passage.tunnel.underWay.add(this)
    socket.on('error', () => {})
    socket.once('close', () => this.#over())
    socket.pause()
  }

  get admitted(): Admitted | undefined {
    return this.passage.admitted
  }

  get grantId(): string | undefined {
    return this.passage.grantId
  }

  /** Ends it, and writes down why. */
  refuse(outcome: string): void {
    this.#outcome ??= outcome
    this.#socket.destroy()
  }

  #start(): void {
    const chosen = this.passage.choose()
    if (!chosen) return this.refuse('tunnel.no_agent')
    const { endpoint, link } = chosen
    const { spec } = this.passage.tunnel.served
    let stream: ClientHttp2Stream
    try {
      stream = link.connect(spec.id, endpoint, this.passage.caller.ip)
    } catch (error) {
      return this.#failed(this.#stream, error as Error)
    }
    this.#stream = stream
    stream.once('response', (headers) =>
      this.#onResponse(stream, Number(headers[':status']), headers),
    )
    stream.once('error', (error) => this.#failed(stream, error))
    const ended = new Error('the connection to the service ended')
    stream.once('close', () => this.#failed(stream, ended))
  }

  look(nowMs: number): void {
    const { timeoutSeconds, idleTimeoutSeconds } = this.passage.tunnel.served.spec.config
    const quietMs = nowMs - this.passage.activeMs
    if (quietMs > (this.#reached ? idleTimeoutSeconds : timeoutSeconds) * 1000) this.cut()
  }

  cut(): void {
    this.#outcome ??= 'cut'
    this.#socket.destroy()
  }

  #onResponse(stream: ClientHttp2Stream, status: number, headers: Record<string, unknown>): void {
    if (stream !== this.#stream) return
    if (status !== 200) {
      const reason = String(headers['gantry-reason'] ?? 'refused')
      return this.#failed(stream, new NotReached(status, reason))
    }
    const socket = this.#socket
    this.#reached = true
    this.passage.reached()
    this.passage.answered(status)
    this.passage.tunnel.meter.connection(this.passage.endpoint!.id)
    stream.on('data', (chunk: Buffer) => this.#toVisitor(chunk))
    stream.once('end', () => this.#endVisitor())
    stream.on('drain', () => this.#mayComeOn())
    socket.on('data', (chunk: Buffer) => this.#toService(chunk))
    socket.once('end', () => stream.end())
    socket.on('drain', () => this.#catchUp())
    socket.resume()
  }

  #toVisitor(chunk: Buffer): void {
    const waitMs = this.passage.went(chunk)
    const goesOn = this.#socket.write(chunk)
    if (waitMs > 0) {
      this.#fallBehind()
      this.#later(waitMs, () => !this.#socket.writableNeedDrain && this.#catchUp())
    } else if (!goesOn) {
      this.#fallBehind()
    }
  }

  #toService(chunk: Buffer): void {
    const waitMs = this.passage.came(chunk)
    const goesOn = this.#stream!.write(chunk)
    if (waitMs > 0 || !goesOn) this.#socket.pause()
    if (waitMs > 0) this.#waitForService(waitMs)
  }

  /** For the bandwidth; a service that has not taken what came is waited for beside. */
  #waitForService(ms: number): void {
    this.#isPaced = true
    this.#later(ms, () => {
      this.#isPaced = false
      this.#mayComeOn()
    })
  }

  #mayComeOn(): void {
    if (!this.#isPaced && this.#stream?.writableNeedDrain === false) this.#socket.resume()
  }

  #fallBehind(): void {
    if (this.#behind) return
    this.#behind = true
    this.passage.link!.windows.behind(1)
    this.#stream?.pause()
  }

  #catchUp(): void {
    if (!this.#behind) return
    this.#behind = false
    this.passage.link!.windows.behind(-1)
    this.passage.activeMs = performance.now()
    this.#stream?.resume()
  }

  #endVisitor(): void {
    this.#outcome ??= 'answered'
    this.#socket.end()
    this.#flush = setTimeout(() => this.#socket.destroy(), FLUSH_MS)
  }

  /** Once for each stream. Its link counts it until it has closed, so that others' listeners stay. */
  #failed(stream: ClientHttp2Stream | undefined, error: Error): void {
    if (stream !== this.#stream || this.#socket.destroyed || this.#outcome === 'answered') return
    this.#stream = undefined
    stream?.destroy()
    if (this.#reached) return this.cut()
    const failure = error instanceof NotReached ? 'refused' : 'unsent'
    if (this.passage.failed(failure, error, { body: false, answer: false })) return this.#start()
    this.refuse(error instanceof LinkLost ? 'tunnel.no_agent' : 'tunnel.service_refused')
  }

  #later(ms: number, work: () => void): void {
    const pace = setTimeout(() => {
      this.#paces.delete(pace)
      work()
    }, ms)
    this.#paces.add(pace)
  }

  #over(): void {
    this.#catchUp()
    clearTimeout(this.#flush)
    for (const pace of this.#paces) clearTimeout(pace)
    this.passage.tunnel.underWay.delete(this)
    this.#stream?.destroy()
    this.passage.over(this.#outcome ?? 'visitor_left')
  }
}
