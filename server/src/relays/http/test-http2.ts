import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { eventually } from '#kernel/test-support.ts'

/** Types of frames (RFC 9113, 6). */
export const FRAMES = {
  ...{ data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7 },
  ...{ windowUpdate: 8, continuation: 9 },
} as const

const FLAGS = { endStream: 1, endHeaders: 4 } as const

interface Frame {
  type: number
  flags: number
  stream: number
  payload: Buffer
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const HEAD_BYTES = 9

/** A visitor who writes every frame of HTTP/2 by hand, also those that no library would. */
export class RawHttp2 implements AsyncDisposable {
  readonly socket: TLSSocket
  readonly frames: Frame[] = []
  closed = false
  #pending = Buffer.alloc(0)

  static async connect(port: number, servername: string): Promise<RawHttp2> {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername, ALPNProtocols: ['h2'], rejectUnauthorized: false },
    })
    await once(socket, 'secureConnect')
    const raw = new RawHttp2(socket)
    socket.write(PREFACE)
    raw.send(FRAMES.settings, 0, 0)
    return raw
  }

  private constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.once('close', () => (this.closed = true))
  }

  /** False when the next one should wait. */
  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): boolean {
    return !this.socket.writable || this.socket.write(frame(type, flags, stream, payload))
  }

  /** Resolves once more may be written, or nothing more can be. */
  async drained(): Promise<void> {
    if (this.closed) return
    await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]).catch(() => {})
  }

  request(stream: number, fields: [string, string][], flags: number = FLAGS.endStream): boolean {
    return this.send(FRAMES.headers, flags | FLAGS.endHeaders, stream, encode(fields))
  }

  /** Resolves once one of these has come for the stream, or for the whole connection, or that is closed. */
  async hears(stream: number, ...types: number[]): Promise<void> {
    await eventually(`a frame of ${types.join()}`, () => this.closed || this.#has(stream, types))
  }

  /** Undefined when there is none. */
  statusOf(stream: number): number | undefined {
    const head = this.frames.find((one) => one.stream === stream && one.type === FRAMES.headers)
    return head && statusIn(head.payload)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
  }

  #has(stream: number, types: number[]): boolean {
    return this.frames.some((one) => [stream, 0].includes(one.stream) && types.includes(one.type))
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (this.#pending.length >= HEAD_BYTES) {
      const length = this.#pending.readUIntBE(0, 3)
      if (this.#pending.length < HEAD_BYTES + length) return
      const [type, flags] = [this.#pending[3]!, this.#pending[4]!]
      const stream = this.#pending.readUInt32BE(5)
      const payload = this.#pending.subarray(HEAD_BYTES, HEAD_BYTES + length)
      this.frames.push({ type, flags, stream, payload })
      this.#pending = this.#pending.subarray(HEAD_BYTES + length)
    }
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Literal fields that are never indexed (RFC 7541, 6.2.3). */
export function encode(fields: [string, string][]): Buffer {
  return Buffer.concat(fields.flatMap((field) => [Buffer.from([0x10]), ...field.map(text)]))
}

function text(given: string): Buffer {
  const bytes = Buffer.from(given, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

/** With a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  for (let left = value - 127; ; left >>= 7) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left & 127) | 128)
  }
}

/** What the status of an answer is by the static table of HPACK; 0 for another one. */
function statusIn(payload: Buffer): number {
  const first = payload.find((byte) => (byte & 0xe0) !== 0x20)
  return { 0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404, 0x8e: 500 }[first ?? 0] ?? 0
}
