import { isIP } from 'node:net'
import { DestinationRefused } from '#kernel/addresses.ts'
import { parseUpstream } from './host/egress-upstream-url.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import type { CreateSession } from './schema.ts'

/**
 * Refuses a proxy that no session could leave through, since its address is not public. A name is judged where the browser runs,
 * whenever it is dialled: what it leads to may change.
 *
 * @param field where in the request the proxy was given
 * @throws problem `session.proxy_refused`
 */
export async function checkProxy(
  { guard }: Pick<BrowserRuntime, 'guard'>,
  { egress }: CreateSession,
  field = 'body.egress.proxy',
): Promise<void> {
  const upstream = egress?.proxy === undefined ? undefined : parseUpstream(egress.proxy)
  if (typeof upstream !== 'object' || isIP(upstream.host) === 0) return
  const { host, port } = upstream
  try {
    await guard.resolve(host, port)
  } catch (error) {
    if (!(error instanceof DestinationRefused)) throw error
    const message = `${host} is not a public address`
    throw problems.proxyRefused({ host, errors: [{ path: field, message }] })
  }
}
