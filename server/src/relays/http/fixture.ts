import type { IncomingMessage, ServerResponse } from 'node:http'
import { request } from 'undici'
import { serveHttp, startAgent, type TestRelay, type TunnelChange } from '../fixture.ts'

/** Opens tunnels of a relay, each to a service that answers like this. */
export function tunnelsOf(relay: TestRelay) {
  return async (
    name: string,
    answer: (asked: IncomingMessage, answer: ServerResponse) => void,
    change: TunnelChange = {},
  ) => {
    const service = await serveHttp(answer)
    const spec = relay.control.add(name, [service.port], change)
    const agent = await startAgent(relay, [spec])
    const host = `${name}.localhost`
    return {
      ...{ service, spec, agent, host },
      ask: (path: string, options: Parameters<typeof request>[1] = {}) =>
        request(relay.url + path, {
          ...options,
          headers: { host, ...(options?.headers as Record<string, string>) },
        }),
      async [Symbol.asyncDispose]() {
        await agent[Symbol.asyncDispose]()
        await service[Symbol.asyncDispose]()
      },
    }
  }
}
