import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { listCommands } from './commands.ts'
import { commandExample, ID, sessionExample } from './examples.ts'
import { presentCommand, presentSession } from './present.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import {
  BrowserSession,
  CommandPage,
  CreateSession,
  ListSessions,
  SessionId,
  SessionPage,
} from './schema.ts'
import { createSession, endSession, getSession, listSessions } from './service.ts'

const params = z.object({ id: SessionId })
export const launchTimeoutMs = () => 60_000

export const launchProblems = [
  problems.limitReached,
  problems.accountLimitReached,
  problems.paused,
  problems.launchFailed,
]

/** Starting, showing and ending sessions. */
export function sessionRoutes(runtime: () => BrowserRuntime) {
  return [
    route({
      method: 'POST',
      path: '/v1/sessions',
      summary: 'Start a browser',
      description:
        'Answers once the browser is ready. It has a process, a profile and a temporary directory of its own.',
      access: 'sessions.write',
      body: CreateSession,
      bodyOptional: true,
      status: 201,
      returns: BrowserSession,
      problems: launchProblems,
      examples: {
        body: { viewport: { width: 1280, height: 720 }, metadata: { purpose: 'price check' } },
        reply: sessionExample,
      },
      timeoutMs: launchTimeoutMs,
      idempotent: {
        resourceId: (reply) => (reply as BrowserSession).id,
        replay: async (ctx, id) => presentSession(await getSession(ctx, id)),
      },
      handler: async (ctx, { body }) => presentSession(await createSession(ctx, runtime(), body)),
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
        return { items: rows.map(presentSession), nextCursor }
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
      handler: async (ctx, { params }) => presentSession(await getSession(ctx, params.id)),
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
        presentSession(await endSession(ctx, runtime(), params.id, 'asked')),
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
