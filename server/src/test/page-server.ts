import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Real pages for real browsers, on loopback. */
export interface PageServer extends AsyncDisposable {
  readonly url: string
}

export async function servePages(answer: RequestListener): Promise<PageServer> {
  const server = createServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
}

/** One page for all paths. */
export function serveHtml(html: string): Promise<PageServer> {
  return servePages((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(html)
  })
}
