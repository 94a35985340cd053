import { once } from 'node:events'
import WebSocket from 'ws'

/** Sends one command and gives its result. Both the command and the connection end with `withDevTools`. */
export type Send = <Result>(
  method: string,
  params?: object,
  /** Of an attached target; the browser itself when absent. */
  sessionId?: string,
) => Promise<Result>

const MAX_ANSWER_BYTES = 1024 * 1024

/** The browser may live, but says nothing. */
export class NoAnswer extends Error {
  constructor(deadlineMs: number) {
    super(`Chromium did not answer within ${deadlineMs} ms`)
    this.name = 'NoAnswer'
  }
}

/**
 * Connects to a browser for as long as `work` takes.
 *
 * @throws NoAnswer when `deadlineMs` has passed, Error when the browser refuses a command or goes away
 */
export async function withDevTools<Result>(
  endpoint: string,
  deadlineMs: number,
  work: (send: Send) => Promise<Result>,
): Promise<Result> {
  const socket = new WebSocket(endpoint, { perMessageDeflate: false, maxPayload: MAX_ANSWER_BYTES })
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const timer = setTimeout(() => failed.reject(new NoAnswer(deadlineMs)), deadlineMs)
  socket.on('error', failed.reject)
  socket.on('close', () => failed.reject(new Error('Chromium closed the DevTools connection')))
  try {
    await Promise.race([once(socket, 'open'), failed.promise])
    return await Promise.race([work(sender(socket)), failed.promise])
  } finally {
    clearTimeout(timer)
    socket.terminate()
  }
}

/** The browser's product and version: the cheapest proof that it is alive. */
export async function askProduct(endpoint: string, deadlineMs: number): Promise<string> {
  const { product } = await withDevTools(endpoint, deadlineMs, (send) =>
    send<{ product: string }>('Browser.getVersion'),
  )
  return product
}

interface Answer {
  id?: number
  result?: unknown
  error?: { message: string }
}

function sender(socket: WebSocket): Send {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  socket.on('message', (text) => {
    const { id, result, error } = JSON.parse(String(text)) as Answer
    if (id === undefined) return
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error) caller?.reject(new Error(`Chromium refused a command: ${error.message}`))
    else caller?.resolve(result)
  })
  return <Result>(method: string, params: object = {}, sessionId?: string) => {
    const id = ++lastId
    const caller = Promise.withResolvers<unknown>()
    waiting.set(id, caller)
    socket.send(JSON.stringify({ id, method, params, sessionId }))
    return caller.promise as Promise<Result>
  }
}
