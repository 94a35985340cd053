import { z } from 'zod'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import type { ProblemFactory } from '#kernel/problem.ts'
import { CdpQuery } from './cdp-query.ts'
import { ID } from './examples.ts'
import { problems } from './problems.ts'
import { SessionId } from './schema.ts'
import { launchProblems } from './session-routes.ts'
import { UrlParams, urlParamsExample } from './url-params.ts'

const refusals = [
  ...[problems.notFound, problems.notReady, problems.closed, problems.crashed],
  ...[problems.unreachable, problems.tooManySockets],
]

/**
 * The paths of the WebSockets, as the API document shows them. An upgrade never comes here; a plain GET is told to upgrade, whether
 * there is such a session or not.
 */
export function socketPaths() {
  const socket = { method: 'GET', status: 101 } as const
  const byUrl = { params: UrlParams, examples: { params: urlParamsExample } }
  return [
    route({
      ...{ ...socket, ...answers(problems.cdpNotUpgraded) },
      path: '/cdp',
      summary: 'Connect to a browser of its own (WebSocket, DevTools protocol)',
      description:
        'Makes a browser, which ends when the connection does. Needs the permission `sessions.write`: an API key as `apiKey`, or an Authorization header.',
      access: { public: 'its credential, asked for at the upgrade, may be in the query' },
      query: CdpQuery,
      problems: [
        ...[problems.cdpNotUpgraded, httpProblems.unauthenticated, httpProblems.forbidden],
        ...launchProblems,
        problems.proxyRefused,
      ],
    }),
    route({
      ...{ ...socket, ...byUrl, ...answers(problems.cdpNotUpgraded) },
      path: '/cdp/:id/:secret',
      summary: 'Connect to the browser of a session (WebSocket, DevTools protocol)',
      description: 'The `cdpUrl` of a session, for Puppeteer, Playwright and other clients.',
      access: { public: 'the address holds a secret' },
      problems: [problems.cdpNotUpgraded, ...refusals],
    }),
    route({
      ...{ ...socket, ...byUrl, ...answers(problems.liveNotUpgraded) },
      path: '/live/:id/:secret',
      summary: 'Watch the pages of a session, and drive them (WebSocket)',
      description: 'The `liveUrl` of a session.',
      access: { public: 'the address holds a secret' },
      problems: [problems.liveNotUpgraded, ...refusals],
    }),
    route({
      ...{ ...socket, ...answers(problems.liveNotUpgraded) },
      path: '/v1/sessions/:id/live',
      summary: 'Watch the pages of a session by your own right (WebSocket)',
      description:
        'As `liveUrl` does, in your own name; who has the permission `sessions.write` may take control.',
      access: 'sessions.read',
      params: z.object({ id: SessionId }),
      examples: { params: { id: ID } },
      problems: [problems.liveNotUpgraded, ...refusals],
    }),
  ]
}

function answers(notUpgraded: ProblemFactory) {
  return {
    handler: () => {
      throw notUpgraded()
    },
  }
}
