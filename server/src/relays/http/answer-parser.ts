/** What a local service says, as it comes. `raw…`: names and values in turn. */
export interface AnswerSink {
  /** 100, 103 and the like: another answer follows. */
  onInformation(status: number, rawHeaders: string[]): void
  onHead(head: AnswerHead): void
  onBody(chunk: Buffer): void
  onEnd(rawTrailers: string[]): void
}

export interface AnswerHead {
  readonly status: number
  readonly reason: string
  readonly rawHeaders: string[]
  /** Of the body; undefined where only its end tells. */
  readonly length: number | undefined
  /** Whether the connection may take another request after this. */
  readonly keepAlive: boolean
  /** For how long the service keeps it, where it says so. */
  readonly keepAliveSeconds: number | undefined
}

/** A local service does not speak HTTP, or not as it should. */
export class BadAnswer extends Error {
  constructor(why: string) {
    super(`the service's answer ${why}`)
    this.name = 'BadAnswer'
  }
}

const MAX_HEAD_BYTES = 64 * 1024
/** Of all that a service says before its answer. */
const MAX_INFORMATION_BYTES = 64 * 1024
const MAX_SIZE_LINE_BYTES = 4 * 1024
const END_OF_HEAD = Buffer.from('\r\n\r\n')
const CR = 13
const LF = 10
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: ([\t -~\u0080-\u00ff]*))?$/
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
// oxlint-disable-next-line no-control-regex
const NOT_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/
const CHUNK_SIZE = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk end' | 'trailers' | 'rest' | 'done'

/**
 * Reads the answers of one connection, one after the other. It passes bodies on as they come and keeps nothing of them; heads are held
 * until they are whole, 64 KiB at most.
 */
export class AnswerParser {
  #state: State = 'done'
  #sink: AnswerSink | undefined
  #bodyless = false
  #informationBytes = 0
  #upgrading = false
  /** What has come of something that has to be whole: a head, a line, trailers. */
  #pending: Buffer | undefined
  /** Of the body, or of its chunk. */
  #left = 0
  #keepAlive = false

  /** From now on what comes is the answer to a request. `upgrading`: 101 is its answer, and all that follows is its body. */
  expect(sink: AnswerSink, { method, upgrading }: { method: string; upgrading: boolean }): void {
    this.#sink = sink
    this.#bodyless = method === 'HEAD'
    this.#upgrading = upgrading
    this.#state = 'head'
    this.#informationBytes = 0
    this.#pending = undefined
  }

  /** Whether the answer is whole, and the next request may be sent. */
  get isDone(): boolean {
    return this.#state === 'done'
  }

  get keepAlive(): boolean {
    return this.#keepAlive
  }

  /** Whether nothing of the answer has come. */
  get isUntouched(): boolean {
    return this.#state === 'head' && this.#pending === undefined
  }

  /** @throws BadAnswer */
  read(given: Buffer): void {
    let at = 0
    let chunk = given
    if (this.#pending) {
      chunk = Buffer.concat([this.#pending, given])
      this.#pending = undefined
    }
    while (at < chunk.length) {
      const next = this.#step(chunk, at)
      if (next < 0) {
        this.#keep(chunk, at)
        return
      }
      at = next
    }
  }

  /** The connection has ended. @throws BadAnswer when the answer is not whole by that */
  end(): void {
    if (this.#state === 'rest') this.#finish([])
    else if (this.#state !== 'done') throw new BadAnswer('was cut off')
  }

  /** Where the next step begins; -1 when what is there is not whole. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, at)
      case 'length':
      case 'chunk':
        return this.#readBody(chunk, at)
      case 'size':
        return this.#readSize(chunk, at)
      case 'chunk end':
        return this.#readChunkEnd(chunk, at)
      case 'trailers':
        return this.#readTrailers(chunk, at)
      case 'rest':
        this.#sink!.onBody(at === 0 ? chunk : chunk.subarray(at))
        return chunk.length
      case 'done':
        this.#keepAlive = false
        throw new BadAnswer('goes on after its end')
    }
  }

  #keep(chunk: Buffer, at: number): void {
    const most = this.#state === 'size' ? MAX_SIZE_LINE_BYTES : MAX_HEAD_BYTES
    if (chunk.length - at > most) throw new BadAnswer(`has a head of more than ${most} bytes`)
    this.#pending = at === 0 ? chunk : chunk.subarray(at)
  }

  #readHead(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(END_OF_HEAD, at)
    if (end < 0) return -1
    if (end - at > MAX_HEAD_BYTES)
      throw new BadAnswer(`has a head of more than ${MAX_HEAD_BYTES} bytes`)
    const text = chunk.toString('latin1', at, end)
    const next = end + END_OF_HEAD.length
    const endOfLine = text.indexOf('\r\n')
    const line = STATUS_LINE.exec(endOfLine < 0 ? text : text.slice(0, endOfLine))
    if (!line) throw new BadAnswer('is not HTTP/1')
    const status = Number(line[2])
    const rawHeaders = endOfLine < 0 ? [] : fieldsOf(text, endOfLine + 2)
    if (status < 200 && !(status === 101 && this.#upgrading)) {
      if (status === 101) throw new BadAnswer('upgrades what nobody asked to upgrade')
      this.#informationBytes += next - at
      if (this.#informationBytes > MAX_INFORMATION_BYTES) {
        throw new BadAnswer(`is announced with more than ${MAX_INFORMATION_BYTES} bytes`)
      }
      this.#sink!.onInformation(status, rawHeaders)
      return next
    }
    this.#begin(status, line[3] ?? '', line[1] === '1', rawHeaders)
    return next
  }

  #begin(status: number, reason: string, isHttp11: boolean, rawHeaders: string[]): void {
    const framing = framingOf(rawHeaders, isHttp11)
    const bodyless = this.#bodyless || status === 204 || status === 304
    const state = stateOf(status, bodyless, framing)
    this.#left = framing.length ?? 0
    // What 204 and 304 announce may follow though it should not, and would be taken for the next answer.
    const sure = !bodyless || this.#bodyless || (!framing.chunked && !framing.length)
    this.#keepAlive = framing.keepAlive && state !== 'rest' && sure
    const { keepAliveSeconds } = framing
    const keepAlive = this.#keepAlive
    // A sink may look whether the answer is over.
    this.#state = state === 'done' ? 'head' : state
    const length = state === 'done' ? 0 : framing.length
    const headers = withOneLength(rawHeaders, status, framing)
    this.#sink!.onHead({ status, reason, rawHeaders: headers, length, keepAlive, keepAliveSeconds })
    if (state === 'done') this.#finish([])
  }

  #readBody(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    const isChunk = this.#state === 'chunk'
    this.#sink!.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end))
    if (this.#left === 0) {
      if (isChunk) this.#state = 'chunk end'
      else this.#finish([])
    }
    return end
  }

  #readSize(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at)
    if (end < 0) return -1
    if (chunk[end - 1] !== CR) throw new BadAnswer('has a chunk whose size ends badly')
    const size = CHUNK_SIZE.exec(chunk.toString('latin1', at, end - 1))
    if (!size) throw new BadAnswer('has a chunk without a size')
    this.#left = Number.parseInt(size[1]!, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    return end + 1
  }

  #readChunkEnd(chunk: Buffer, at: number): number {
    if (chunk.length - at < 2) return -1
    if (chunk[at] !== CR || chunk[at + 1] !== LF) throw new BadAnswer('has a chunk too long')
    this.#state = 'size'
    return at + 2
  }

  #readTrailers(chunk: Buffer, at: number): number {
    if (chunk.length - at < 2) return -1
    if (chunk[at] === CR && chunk[at + 1] === LF) {
      this.#finish([])
      return at + 2
    }
    const end = chunk.indexOf(END_OF_HEAD, at)
    if (end < 0) return -1
    this.#finish(fieldsOf(chunk.toString('latin1', at, end), 0))
    return end + END_OF_HEAD.length
  }

  #finish(rawTrailers: string[]): void {
    this.#state = 'done'
    const sink = this.#sink!
    this.#sink = undefined
    sink.onEnd(rawTrailers)
  }
}

interface Framing {
  chunked: boolean
  length: number | undefined
  /** How often it is told. */
  lengths: number
  keepAlive: boolean
  keepAliveSeconds: number | undefined
}

function stateOf(status: number, bodyless: boolean, { chunked, length }: Framing): State {
  if (status === 101) return 'rest'
  if (bodyless || length === 0) return 'done'
  if (chunked) return 'size'
  return length === undefined ? 'rest' : 'length'
}

/** Names and values of the lines from `at` on. @throws BadAnswer */
function fieldsOf(text: string, at: number): string[] {
  const fields: string[] = []
  for (let from = at; from < text.length;) {
    let end = text.indexOf('\r\n', from)
    if (end < 0) end = text.length
    const colon = text.indexOf(':', from)
    if (colon < 0 || colon > end) throw new BadAnswer('has a header without a colon')
    const name = text.slice(from, colon)
    const value = text.slice(colon + 1, end).trim()
    if (!TOKEN.test(name)) throw new BadAnswer('has a header whose name is none')
    if (NOT_IN_VALUE.test(value)) throw new BadAnswer(`has a bad value of ${name}`)
    fields.push(name, value)
    from = end + 2
  }
  return fields
}

function framingOf(rawHeaders: readonly string[], isHttp11: boolean): Framing {
  let chunked = false
  let keepAlive = isHttp11
  let length: number | undefined
  let lengths = 0
  let keepAliveSeconds: number | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    // Three lengths are looked at; all other headers are passed by without a copy.
    if (name.length !== 10 && name.length !== 14 && name.length !== 17) continue
    const value = rawHeaders[i + 1]!
    switch (name.toLowerCase()) {
      case 'content-length':
        length = lengthOf(value, length)
        lengths++
        break
      case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked' || chunked)
          throw new BadAnswer('has a foreign transfer encoding')
        chunked = true
        break
      case 'connection':
        keepAlive = keeps(value, keepAlive)
        break
      case 'keep-alive':
        keepAliveSeconds = Number(/timeout=(\d{1,6})/i.exec(value)?.[1] ?? Number.NaN) || undefined
        break
    }
  }
  // Both is how answers are smuggled past a proxy: the chunks count, and nothing else is read from there.
  if (chunked && length !== undefined)
    return { chunked, length: undefined, lengths, keepAlive: false, keepAliveSeconds }
  return { chunked, length, lengths, keepAlive, keepAliveSeconds }
}

/** The headers with a length that is told once, or not at all: whoever goes by one that does not count takes the rest for another answer. */
function withOneLength(rawHeaders: string[], status: number, framing: Framing): string[] {
  const { chunked, length, lengths } = framing
  const hasNone = chunked || status === 101 || status === 204
  if (lengths === 0 || (lengths === 1 && !hasNone)) return rawHeaders
  const out: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    if (name.toLowerCase() !== 'content-length') out.push(name, value)
  }
  if (!hasNone) out.push('Content-Length', String(length))
  return out
}

function lengthOf(value: string, known: number | undefined): number {
  const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined
  if (length === undefined || (known !== undefined && known !== length)) {
    throw new BadAnswer('has a bad content length')
  }
  return length
}

function keeps(connection: string, keepAlive: boolean): boolean {
  const options = connection.toLowerCase()
  if (options.includes('close')) return false
  return options.includes('keep-alive') || keepAlive
}
