// Navigations through the egress gateway, against the same Chromium going straight to the same site.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Egress } from '../src/browsers/host/egress.ts'
import { IDENTITY, log, openTestHost } from '../src/browsers/host/fixture.ts'
import { openAddressGuard } from '../src/kernel/addresses.ts'
import { DevTools } from './dev-tools.ts'
import { interleave, median, percentile } from './figures.ts'
import { judge, printMachine, printTable } from './table.ts'

const ROUNDS = 100
const WARM_UP = 20
const MOST = 1.1

const site = createServer((request, reply) => {
  const isPage = request.url!.startsWith('/page')
  reply.setHeader('content-type', isPage ? 'text/html' : 'image/svg+xml')
  reply.setHeader('cache-control', 'no-store')
  const count = Number(/with=(\d+)/.exec(request.url!)?.[1] ?? 0)
  const images = Array.from({ length: count }, (_, index) => `<img src="/${index}.svg">`)
  reply.end(
    isPage ? `<title>page</title>${images.join('')}` : '<svg xmlns="http://www.w3.org/2000/svg"/>',
  )
})
await once(site.listen(0, '127.0.0.1'), 'listening')
const home = `http://127.0.0.1:${(site.address() as AddressInfo).port}`

await using place = await openTestHost()
await using gateway = await Egress.open({
  ...{ log, sessionId: 'ses_bench', isReserved: () => false, rules: {} },
  guard: openAddressGuard({ allow: ['127.0.0.1'] }),
})
const { endpoint } = await place.host.launch('ses_bench', IDENTITY)
const tools = await DevTools.open(endpoint)
try {
  const straight = await openPage('direct://')
  const through = await openPage(`http://127.0.0.1:${gateway.port}`)
  for (const images of [0, 8]) {
    const ways = {
      straight: () => navigate(straight, `${home}/page?with=${images}`),
      'through the gateway': () => navigate(through, `${home}/page?with=${images}`),
    }
    await interleave(ways, WARM_UP)
    report(images, await interleave(ways, ROUNDS))
  }
} finally {
  tools.close()
  site.close().closeAllConnections()
}

/** A tab in a browser context with a proxy of its own. */
async function openPage(proxyServer: string): Promise<string> {
  const { browserContextId } = await tools.send<{ browserContextId: string }>(
    'Target.createBrowserContext',
    { proxyServer, proxyBypassList: '<-loopback>' },
  )
  const { targetId } = await tools.send<{ targetId: string }>('Target.createTarget', {
    ...{ url: 'about:blank', browserContextId },
  })
  const attach = { targetId, flatten: true }
  const { sessionId } = await tools.send<{ sessionId: string }>('Target.attachToTarget', attach)
  return sessionId
}

async function navigate(page: string, url: string): Promise<number> {
  const begunMs = performance.now()
  const { errorText } = await tools.send<{ errorText?: string }>('Page.navigate', { url }, page)
  if (errorText) throw new Error(`${url}: ${errorText}`)
  const expression = `document.readyState === 'complete' || new Promise((done) => (onload = done))`
  await tools.send('Runtime.evaluate', { expression, awaitPromise: true }, page)
  return performance.now() - begunMs
}

function report(
  images: number,
  figures: Record<'straight' | 'through the gateway', number[]>,
): void {
  const rows = Object.entries(figures).map(([name, ms]) => [
    name,
    median(ms).toFixed(2),
    percentile(ms, 95).toFixed(2),
  ])
  const page = images === 0 ? 'a bare page' : `a page with ${images} images`
  printTable(`${ROUNDS} navigations to ${page}, in ms`, ['way', 'p50', 'p95'], rows)
  printMachine()
  const ratio = median(figures['through the gateway']) / median(figures.straight)
  judge('through the gateway / straight, p50', ratio, '<=', MOST)
}
