import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

const A = 1
const TXT = 16
const AAAA = 28
const NO_SUCH_NAME = 3
const SERVER_FAILURE = 2

/** A DNS server on loopback that knows the records that it was told. */
export class TestDns implements AsyncDisposable {
  /** Texts, by name. */
  readonly records = new Map<string, string[]>()
  readonly addresses = new Map<string, string[]>()
  isIll = false
  /** Answers nothing at all. */
  isSilent = false
  asked = 0
  readonly #socket: Socket

  static async open(): Promise<TestDns> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new TestDns(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (query, { address, port }) => {
      this.asked++
      if (!this.isSilent) socket.send(this.#answer(query), port, address)
    })
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
    const { name, type, end } = questionIn(query)
    const found = this.#recordsOf(name.toLowerCase(), type)
    const code = this.isIll ? SERVER_FAILURE : found ? 0 : NO_SUCH_NAME
    const answers = this.isIll ? [] : (found ?? [])
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(answers.length, 6)
    return Buffer.concat([header, query.subarray(12, end), ...answers])
  }

  #recordsOf(name: string, type: number): Buffer[] | undefined {
    const [texts, addresses] = [this.records.get(name), this.addresses.get(name)]
    if (!texts && !addresses) return undefined
    if (type === TXT) return texts?.map((text) => recordOf(TXT, textIn(text))) ?? []
    return (addresses ?? []).flatMap((address) => {
      const isWanted = type === (isIPv6(address) ? AAAA : A)
      return isWanted ? [recordOf(type, bytesOf(address))] : []
    })
  }
}

function questionIn(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function recordOf(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(12)
  // The name of the question, by its place in the message.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(content.length, 10)
  return Buffer.concat([head, content])
}

const textIn = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])

/** Of an address of IPv4, or of IPv6 written in full. */
function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  return Buffer.from(
    address
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join(''),
    'hex',
  )
}
