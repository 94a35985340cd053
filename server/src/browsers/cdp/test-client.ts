import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after } from 'node:test'
import WebSocket from 'ws'
import { eventually } from '#kernel/test-support.ts'

const DEADLINE_MS = 30_000

interface Message {
  id?: number
  method?: string
  params?: Record<string, unknown>
  result?: unknown
  error?: { code: number; message: string }
  sessionId?: string
}

export class DevToolsError extends Error {
  readonly code: number

  constructor({ code, message }: { code: number; message: string }) {
    super(message)
    this.code = code
  }
}

/** A client that may send anything. */
export class TestClient {
  readonly socket: WebSocket
  /** All that came, as it came. */
  readonly texts: string[] = []
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #awaited: { text: string; found: PromiseWithResolvers<string> }[] = []
  readonly #closed: Promise<[number, Buffer]>
  #lastId = 0

  static async open(url: string): Promise<TestClient> {
    const socket = new WebSocket(url, { perMessageDeflate: true, maxPayload: 2 ** 30 })
    const client = new TestClient(socket)
    after(() => socket.terminate())
    await once(socket, 'open')
    return client
  }

  private constructor(socket: WebSocket) {
    this.socket = socket
    this.#closed = once(socket, 'close') as Promise<[number, Buffer]>
    socket.on('error', () => {})
    socket.on('message', (data: Buffer) => this.#receive(data.toString()))
  }

  /** @throws DevToolsError */
  send<Result = Record<string, unknown>>(
    method: string,
    params: object = {},
    sessionId?: string,
  ): Promise<Result> {
    const id = ++this.#lastId
    this.socket.send(JSON.stringify({ id, method, params, sessionId }))
    return this.answer<Result>(id)
  }

  /** Sends this text as it is, and gives the answer with this number. @throws DevToolsError */
  sendText<Result = Record<string, unknown>>(text: string, id: number): Promise<Result> {
    this.socket.send(text)
    return this.answer<Result>(id)
  }

  answer<Result>(id: number): Promise<Result> {
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    return within(waiting.promise, `no answer to ${id}`) as Promise<Result>
  }

  /** The first message from now on that holds this text. */
  message(text: string): Promise<string> {
    const found = Promise.withResolvers<string>()
    this.#awaited.push({ text, found })
    return within(found.promise, `no message with ${text}`)
  }

  async closed(): Promise<{ code: number; reason: string }> {
    const [code, reason] = await within(this.#closed, 'the socket stays open')
    return { code, reason: reason.toString() }
  }

  /** A page of its own: its target and a session of it. */
  /** Resolves once the page is there: until then the empty one before it answers, and goes away under whoever asks. */
  async openPage(url = 'about:blank'): Promise<{ targetId: string; sessionId: string }> {
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url })
    const sessionId = await this.attach(targetId)
    const isThere = `location.href !== 'about:blank' || ${url === 'about:blank'}`
    await eventually('the page is there', () =>
      this.evaluate<boolean>(isThere, sessionId).catch(() => false),
    )
    return { targetId, sessionId }
  }

  async attach(targetId: string): Promise<string> {
    const attached = await this.send<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    })
    return attached.sessionId
  }

  async evaluate<Value>(expression: string, sessionId: string): Promise<Value> {
    const script = { expression, returnByValue: true, awaitPromise: true, userGesture: true }
    const { result } = await this.send<{ result: { value: Value } }>(
      'Runtime.evaluate',
      script,
      sessionId,
    )
    return result.value
  }

  /** The words in which this command is refused. */
  async refusal(method: string, params: object = {}, sessionId?: string): Promise<string> {
    const outcome = await this.send(method, params, sessionId).catch((error: unknown) => error)
    assert.ok(outcome instanceof DevToolsError, `${method} was not refused`)
    return outcome.message
  }

  #receive(text: string): void {
    this.texts.push(text)
    const { id, result, error } = JSON.parse(text) as Message
    for (const awaited of this.#awaited) {
      if (text.includes(awaited.text)) awaited.found.resolve(text)
    }
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    if (error) waiting?.reject(new DevToolsError(error))
    else waiting?.resolve(result)
  }
}

async function within<Value>(promise: Promise<Value>, otherwise: string): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(otherwise)), DEADLINE_MS)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
