import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import WebSocket from 'ws'

interface Answer {
  id?: number
  result?: unknown
  error?: { message: string }
}

/** A plain DevTools client, as thin as one can be. */
export class DevTools {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0

  static async open(endpoint: string): Promise<DevTools> {
    const socket = new WebSocket(endpoint, { perMessageDeflate: false })
    await once(socket, 'open')
    return new DevTools(socket)
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, result, error } = JSON.parse((data as Buffer).toString()) as Answer
      const waiting = id === undefined ? undefined : this.#waiting.get(id)
      if (id !== undefined) this.#waiting.delete(id)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result)
    })
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the browser is gone'))
    })
  }

  send<Result>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    const id = ++this.#lastId
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return answer.promise as Promise<Result>
  }

  close(): void {
    this.#socket.terminate()
  }
}

/** Where a browser that has just been spawned is reached. */
export async function announcedEndpoint({ stderr }: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of stderr!.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    const endpoint = /DevTools listening on (\S+)/.exec(text)?.[1]
    if (endpoint) return endpoint
  }
  throw new Error(`Chromium ended: ${text}`)
}
