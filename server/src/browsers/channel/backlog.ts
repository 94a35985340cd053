import type { Socket } from 'socket.io'

/** The connection below a socket of Socket.IO: engine.io's, with one transport at a time. */
export type Connection = Socket['conn']

interface Packet {
  data?: string | Buffer
}

/** How Socket.IO's packets begin that are events and carry no bytes. */
const EVENT = '2'

/** How much of what was sent a client has not read: engine.io gives the next batch to the transport when the last one is out. */
export class Backlog {
  readonly #connection: Connection
  #waiting = { events: 0, all: 0 }
  #onItsWay = { events: 0, all: 0 }

  constructor(connection: Connection) {
    this.#connection = connection
    connection.on('packetCreate', (packet: Packet) => this.#add(packet))
    connection.on('flush', () => {
      this.#onItsWay = this.#waiting
      this.#waiting = { events: 0, all: 0 }
    })
  }

  get eventBytes(): number {
    return this.#waiting.events + (this.#isSending ? this.#onItsWay.events : 0)
  }

  get bytes(): number {
    return this.#waiting.all + (this.#isSending ? this.#onItsWay.all : 0)
  }

  /** Forgets what waits, so that a last word comes through. */
  clear(): void {
    const { writeBuffer } = this.#connection as unknown as { writeBuffer: unknown[] }
    writeBuffer.length = 0
    this.#waiting = { events: 0, all: 0 }
  }

  get #isSending(): boolean {
    return !this.#connection.transport.writable
  }

  #add({ data }: Packet): void {
    if (data === undefined) return
    this.#waiting.all += data.length
    if (typeof data === 'string' && data.startsWith(EVENT)) this.#waiting.events += data.length
  }
}
