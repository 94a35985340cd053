import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

type Way = 'there' | 'back'

/** A network between two processes that can swallow packets, either way, and be cut. What it swallows comes late, as TCP has it. */
export class Cable implements AsyncDisposable {
  readonly #server: Server
  readonly #pairs = new Set<Socket[]>()
  readonly #swallowed = new Set<Way>()
  readonly #late: { way: Way; to: Socket; chunk: Buffer | 'end' }[] = []
  /** Connections that were made. */
  accepted = 0
  /** Bytes that went from the near end to the far one. */
  sent = 0

  static async to(port: () => number): Promise<Cable> {
    const cable = new Cable(port)
    await new Promise<void>((done) => cable.#server.listen(0, '127.0.0.1', done))
    return cable
  }

  private constructor(port: () => number) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true })
      this.#join(near, far)
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on these ways lose everything; none heals the network. */
  swallow(...ways: Way[]): void {
    this.#swallowed.clear()
    for (const way of ways) this.#swallowed.add(way)
    const passing = this.#late.filter(({ way }) => !this.#swallowed.has(way))
    const kept = this.#late.filter(({ way }) => this.#swallowed.has(way))
    this.#late.splice(0, Infinity, ...kept)
    for (const { to, chunk } of passing) pass(to, chunk)
  }

  /** Breaks every connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((done) => this.#server.close(done))
  }

  #join(near: Socket, far: Socket): void {
    this.accepted++
    const pair = [near, far]
    this.#pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => socket.destroy())
      socket.once('close', () => {
        this.#pairs.delete(pair)
        pair.forEach((one) => one.destroy())
      })
    }
    this.#forward('there', near, far)
    this.#forward('back', far, near)
  }

  #forward(way: Way, from: Socket, to: Socket): void {
    const send = (chunk: Buffer | 'end') => {
      if (this.#swallowed.has(way)) this.#late.push({ way, to, chunk })
      else pass(to, chunk)
    }
    from.on('data', (chunk: Buffer) => {
      if (way === 'there') this.sent += chunk.length
      send(chunk)
    })
    from.once('end', () => send('end'))
  }
}

function pass(to: Socket, chunk: Buffer | 'end'): void {
  if (to.destroyed) return
  if (chunk === 'end') to.end()
  else to.write(chunk)
}
