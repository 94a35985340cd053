import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { tunnelProblems } from '#tunnels/index.ts'
import { listCommands } from './commands.ts'
import { commandExample, ID, sessionExample } from './examples.ts'
import { presentCommand, presentSession, presentSessions, presentUrls } from './present.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import {
  BrowserSession,
  ChangeSession,
  CommandPage,
  CreateSession,
  ListSessions,
  SessionId,
  SessionPage,
  SessionUrlsAnswer,
  SessionUrlsWish,
} from './schema.ts'
import { changeSession } from './change.ts'
import { createSession } from './create.ts'
import { checkProxy } from './egress-proxy.ts'
import { endSession, getSession, listSessions } from './service.ts'

const params = z.object({ id: SessionId })
/** As long as a call may wait for a place, and the launch. */
export const launchTimeoutMs = () => 115_000

export const launchProblems = [
  problems.noMachines,
  problems.diskFull,
  problems.stopping,
  problems.limitReached,
  problems.queueFull,
  problems.queueTimeout,
  problems.accountLimitReached,
  problems.paused,
  problems.launchFailed,
  problems.closed,
]

/** Starting, showing and ending sessions. */
export function sessionRoutes(runtime: () => BrowserRuntime) {
  return [
    route({
      method: 'POST',
      path: '/v1/sessions',
      summary: 'Start a browser',
      description:
        'Answers once the browser is ready. It has a process, a profile and a temporary directory of its own. ' +
        'When every place is taken the session waits its turn, and the call with it, unless `wait` is false.',
      access: 'sessions.write',
      body: CreateSession,
      bodyOptional: true,
      status: 201,
      returns: BrowserSession,
      problems: [
        ...[...launchProblems, problems.proxyRefused],
        ...[tunnelProblems.notFound, tunnelProblems.notHttp],
      ],
      examples: {
        body: { viewport: { width: 1280, height: 720 }, metadata: { purpose: 'price check' } },
        reply: sessionExample,
      },
      timeoutMs: launchTimeoutMs,
      idempotent: {
        resourceId: (reply) => (reply as BrowserSession).id,
        replay: async (ctx, id) => presentSession(ctx, runtime(), await getSession(ctx, id)),
      },
      handler: async (ctx, { body }) => {
        await checkProxy(runtime(), body)
        return presentSession(ctx, runtime(), await createSession(ctx, runtime(), body))
      },
    }),
    route({
      method: 'GET',
      path: '/v1/sessions',
      summary: 'List sessions, newest first',
      access: 'sessions.read',
      query: ListSessions,
      returns: SessionPage,
      examples: { query: { limit: 20 }, reply: { items: [sessionExample], nextCursor: null } },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listSessions(ctx, query)
        return { items: await presentSessions(ctx, runtime(), rows), nextCursor }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/sessions/:id',
      summary: 'Show a session',
      access: 'sessions.read',
      params,
      returns: BrowserSession,
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: sessionExample },
      handler: async (ctx, { params }) =>
        presentSession(ctx, runtime(), await getSession(ctx, params.id)),
    }),
    route({
      method: 'PATCH',
      path: '/v1/sessions/:id',
      summary: 'Change a session that runs or waits',
      description:
        'What is left out stays. `revokeUrls` makes new addresses and cuts what is open by the old ones.',
      access: 'sessions.write',
      params,
      body: ChangeSession,
      returns: BrowserSession,
      problems: [problems.notFound, problems.closed, problems.crashed, problems.unreachable],
      examples: {
        params: { id: ID },
        body: { idleTimeoutSeconds: 1800 },
        reply: { ...sessionExample, idleTimeoutSeconds: 1800 },
      },
      handler: async (ctx, { params, body }) =>
        presentSession(ctx, runtime(), await changeSession(ctx, runtime(), params.id, body)),
    }),
    route({
      method: 'POST',
      path: '/v1/sessions/:id/urls',
      summary: 'Make addresses of a session that allow less',
      description:
        'For those who may do less than you: an `observer` sees and changes nothing, `noCookies` drives without the cookies, ' +
        'a live view that may only `watch`. They end with the session, or when its addresses are revoked.',
      access: 'sessions.write',
      params,
      body: SessionUrlsWish,
      returns: SessionUrlsAnswer,
      problems: [problems.notFound, problems.closed, httpProblems.notAsAnother],
      examples: {
        params: { id: ID },
        body: { cdp: 'observer', live: 'watch' },
        reply: { cdpUrl: sessionExample.cdpUrl, liveUrl: sessionExample.liveUrl },
      },
      handler: async (ctx, { params, body }) => {
        const session = await getSession(ctx, params.id)
        if (session.endedAt) throw problems.closed({ id: session.id, endReason: session.endReason })
        return presentUrls(ctx, runtime(), session, body)
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/sessions/:id',
      summary: 'End a session and wipe what it left',
      description:
        'The answer counts what is left on the machine: all zero. Ending an ended session answers the same again.',
      access: 'sessions.write',
      params,
      returns: BrowserSession,
      problems: [problems.notFound],
      examples: {
        params: { id: ID },
        reply: {
          ...{
            ...sessionExample,
            status: 'closed',
            endReason: 'asked',
            endTime: '2026-11-20T12:05:00.000Z',
          },
          wipe: { processes: 0, directories: 0, sockets: 0 },
        },
      },
      handler: async (ctx, { params }) =>
        presentSession(ctx, runtime(), await endSession(ctx, runtime(), params.id, 'asked')),
    }),
    route({
      method: 'GET',
      path: '/v1/sessions/:id/commands',
      summary: 'History of a session’s commands, newest first',
      access: 'sessions.read',
      params,
      query: PageQuery,
      returns: CommandPage,
      problems: [problems.notFound],
      examples: {
        params: { id: ID },
        query: { limit: 20 },
        reply: { items: [commandExample], nextCursor: null },
      },
      handler: async (ctx, { params, query }) => {
        const { rows, nextCursor } = await listCommands(ctx, runtime(), params.id, query)
        return { items: rows.map(presentCommand), nextCursor }
      },
    }),
  ]
}
