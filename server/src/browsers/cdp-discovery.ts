import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { type RequestFacts, route } from '#kernel/http/route.ts'
import { cdpActor, CdpQuery, readCdpQuery } from './cdp-query.ts'
import { checkProxy } from './egress-proxy.ts'
import { sessionExample } from './examples.ts'
import { withDevTools } from './host/devtools.ts'
import type { HostedBrowser } from './host/host.ts'
import { onNode } from './locate.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { demand } from './socket-credential.ts'
import { sessionByUrl } from './sockets.ts'
import { UrlParams, urlParamsExample } from './url-params.ts'

const ASK_MS = 2_000

const BrowserVersion = z
  .object({
    Browser: z.string().meta({ description: 'Chrome, with its version where that is known' }),
    'Protocol-Version': z.string(),
    'User-Agent': z.string().optional(),
    'V8-Version': z.string().optional(),
    webSocketDebuggerUrl: z.string().meta({
      description: 'Leads where the request was sent to, with the credential of its query',
    }),
  })
  .meta({ id: 'BrowserVersion', description: 'As Chromium describes itself at /json/version' })
type BrowserVersion = z.output<typeof BrowserVersion>
type Known = Omit<BrowserVersion, 'webSocketDebuggerUrl'>

const example = { Browser: 'Chrome/141.0.7390.54', 'Protocol-Version': '1.3' }

/** What clients ask for that were given an `http:` address: where the WebSocket is. */
export function discoveryRoutes(runtime: () => BrowserRuntime) {
  const answer = { method: 'GET', returns: BrowserVersion } as const
  return [
    route({
      ...answer,
      path: '/cdp/json/version',
      summary: 'Find the DevTools WebSocket of a new browser',
      description:
        'For `browserURL` of Puppeteer and an `http:` address in Playwright. No browser is made before the WebSocket is opened. ' +
        'Needs the permission `sessions.write`: an API key as `apiKey`, or an Authorization header.',
      access: { public: 'its credential may be in the query' },
      query: CdpQuery,
      problems: [httpProblems.unauthenticated, httpProblems.forbidden, problems.proxyRefused],
      examples: {
        query: { apiKey: 'gk_live_…' },
        reply: { ...example, webSocketDebuggerUrl: 'ws://127.0.0.1:8700/cdp?apiKey=gk_live_…' },
      },
      handler: (_ctx, { query, request }) => describeNew(runtime(), query, request),
    }),
    route({
      ...answer,
      path: '/cdp/:id/:secret/json/version',
      summary: 'Find the DevTools WebSocket of a session',
      description:
        'The `cdpUrl` of the session itself, for clients that ask an `http:` address first.',
      access: { public: 'the address holds a secret' },
      params: UrlParams,
      problems: [
        ...[problems.notFound, problems.notReady, problems.closed, problems.crashed],
        problems.unreachable,
      ],
      examples: {
        params: urlParamsExample,
        reply: { ...example, webSocketDebuggerUrl: sessionExample.cdpUrl },
      },
      handler: (ctx, { params }) => describeSession(ctx, runtime(), params),
    }),
  ]
}

/** @throws Problem for a credential that does not count, or parameters of which no session can be made */
async function describeNew(
  runtime: BrowserRuntime,
  { apiKey, ...query }: CdpQuery,
  { headers, ip }: RequestFacts,
): Promise<BrowserVersion> {
  demand(await cdpActor(runtime, apiKey, { headers, ip }), 'sessions.write')
  await checkProxy(runtime, readCdpQuery(query), 'query.proxy')
  const given = Object.entries({ ...query, apiKey }).filter(([, value]) => value !== undefined)
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return {
    ...guess(runtime.own?.host.version, query.userAgent),
    webSocketDebuggerUrl: runtime.urls.ofNewBrowser(search),
  }
}

/** @throws problem `session.not_found` for a wrong secret, or what the WebSocket would be refused with */
async function describeSession(
  ctx: Context,
  runtime: BrowserRuntime,
  { id, secret }: { id: string; secret: string },
): Promise<BrowserVersion> {
  const { session, purpose } = await sessionByUrl(ctx, runtime, { kind: 'cdp', id, secret })
  const acting = ctx.with({ accountId: session.accountId })
  await onNode(acting, runtime, id, async () => {})
  const browser = runtime.own?.get(id)?.browser
  const known = browser && (await askOnce(browser))
  const version = browser && runtime.own?.host.version
  return {
    ...(known ?? guess(version, session.userAgent ?? undefined)),
    webSocketDebuggerUrl: runtime.urls.make(purpose, id, session.generation),
  }
}

/** What is known without asking a browser. */
function guess(version: string | undefined, userAgent: string | undefined): Known {
  return {
    Browser: version ? `Chrome/${version}` : 'Chrome',
    'Protocol-Version': '1.3',
    ...(userAgent !== undefined && { 'User-Agent': userAgent }),
  }
}

/** A browser does not change its version: each is asked by one connection, however often somebody wants to know. */
const asked = new WeakMap<HostedBrowser, Promise<Known | undefined>>()

function askOnce(browser: HostedBrowser): Promise<Known | undefined> {
  const asking = asked.get(browser) ?? askVersion(browser).catch(() => undefined)
  asked.set(browser, asking)
  return asking
}

interface Version {
  product: string
  userAgent: string
  jsVersion: string
  protocolVersion: string
}

async function askVersion({ endpoint }: HostedBrowser): Promise<Known> {
  const version = await withDevTools(endpoint, ASK_MS, (send) =>
    send<Version>('Browser.getVersion'),
  )
  return {
    Browser: version.product,
    'Protocol-Version': version.protocolVersion,
    'User-Agent': version.userAgent,
    'V8-Version': version.jsVersion,
  }
}
