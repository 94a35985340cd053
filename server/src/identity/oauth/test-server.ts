import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

/** An HTTP server on loopback whose answers can be changed while it runs. */
export class TestServer implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    this.asked.push(`${request.method} ${request.url}`)
    Promise.resolve(this.answer(request, response)).catch(() => response.destroy())
  })
  readonly asked: string[] = []
  origin = ''
  answer: Answer

  private constructor(answer: Answer) {
    this.answer = answer
  }

  static async open(answer: Answer = notFound): Promise<TestServer> {
    const server = new TestServer(answer)
    await server.listen(0)
    return server
  }

  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(port, '127.0.0.1', resolve)
    await promise
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export const notFound: Answer = (_request, response) => response.writeHead(404).end()

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
