import type { Request } from 'playwright-core'
import type { Scene } from './scene.ts'

const QUIET_MS = 500

/** Returns once the page has loaded and no request of it has been under way for 500 ms, those that began earlier included. */
export async function quietNetwork({ link, tab, run }: Scene): Promise<void> {
  const page = await link.pageOf(tab, run)
  run.awaits('the network to be idle')
  const { promise: quiet, resolve } = Promise.withResolvers<void>()
  const underWay = new Set<Request>()
  let timer: NodeJS.Timeout | undefined
  const restart = () => {
    clearTimeout(timer)
    if (underWay.size === 0) timer = setTimeout(resolve, QUIET_MS)
  }
  const begin = (request: Request) => {
    underWay.add(request)
    clearTimeout(timer)
  }
  const end = (request: Request) => {
    if (underWay.delete(request)) restart()
  }
  page.on('request', begin).on('requestfinished', end).on('requestfailed', end)
  try {
    for (const request of await run.race(page.requests())) {
      begin(request)
      void settled(request).then(() => end(request))
    }
    restart()
    await page.waitForLoadState('load', { timeout: 0, signal: run.signal })
    await run.race(quiet)
  } finally {
    clearTimeout(timer)
    page.off('request', begin).off('requestfinished', end).off('requestfailed', end)
  }
}

/** Also for a request whose end was told before anybody listened. */
async function settled(request: Request): Promise<void> {
  const response = await request.response().catch(() => null)
  await response?.finished().catch(() => null)
}
