import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const TXT = 16
const NO_SUCH_NAME = 3
const SERVER_FAILURE = 2

/** A DNS server on loopback that knows the TXT records that it was told. */
export class TestDns implements AsyncDisposable {
  readonly records = new Map<string, string[]>()
  isIll = false
  readonly #socket: Socket

  static async open(): Promise<TestDns> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new TestDns(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (query, { address, port }) =>
      socket.send(this.#answer(query), port, address),
    )
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  /** RFC 1035, section 4. */
  #answer(query: Buffer): Buffer {
    const { name, end } = questionIn(query)
    const texts = this.records.get(name.toLowerCase())
    const code = this.isIll ? SERVER_FAILURE : texts ? 0 : NO_SUCH_NAME
    const answers = this.isIll ? [] : (texts ?? []).map(recordOf)
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(answers.length, 6)
    return Buffer.concat([header, query.subarray(12, end), ...answers])
  }
}

function questionIn(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.'), end: at + 5 }
}

function recordOf(text: string): Buffer {
  const head = Buffer.alloc(12)
  // The name of the question, by its place in the message.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(TXT, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(text.length + 1, 10)
  return Buffer.concat([head, Buffer.from([text.length]), Buffer.from(text)])
}
