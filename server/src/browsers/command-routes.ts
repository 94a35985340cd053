import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { route } from '#kernel/http/route.ts'
import {
  Click,
  Execute,
  ExecuteResult,
  FlatClick,
  FlatExecute,
  FlatNavigate,
  FlatScreenshot,
  FlatScroll,
  FlatType,
  Navigate,
  NavigateResult,
  PageResult,
  PageState,
  Screenshot,
  ScreenshotResult,
  Scroll,
  ScrollResult,
  Type,
} from './command-schema.ts'
import { commandProblems, elementProblems } from './command-problems.ts'
import { LONGEST_COMMAND_MS, flatSession, runCommand, runPageCommand } from './commands.ts'
import { ID, pageExample, screenshotExample, stateExample } from './examples.ts'
import { presentScreenshot } from './present.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { SessionId } from './schema.ts'
import { moreCommandRoutes } from './more-command-routes.ts'
import { oneShotRoutes } from './one-shot-routes.ts'
import { launchProblems, launchTimeoutMs } from './session-routes.ts'

const params = z.object({ id: SessionId })

/** A launch, the command, and a margin in which the command's own deadline speaks first. */
const commandTimeoutMs = ({ body }: { body: { timeoutMs?: number } }) =>
  (body.timeoutMs ?? LONGEST_COMMAND_MS) + 1_000
const flatTimeoutMs = (input: { body: { timeoutMs?: number } }) =>
  commandTimeoutMs(input) + launchTimeoutMs()

const flatProblems = [problems.ambiguous, problems.noneOpen]

/** What the nested and the flat form of a command share. */
const COMMANDS = {
  navigate: {
    summary: 'Go to a URL',
    body: Navigate,
    flatBody: FlatNavigate,
    run: (
      ctx: Context,
      runtime: BrowserRuntime,
      id: string,
      body: z.output<typeof Navigate>,
    ): Promise<unknown> => runCommand(ctx, runtime, id, 'navigate', body),
    returns: NavigateResult,
    problems: [problems.urlRefused, problems.navigationFailed],
    example: { url: 'https://example.com/' },
    reply: { ...pageExample, status: 200 },
  },
  click: {
    summary: 'Click an element or a point',
    body: Click,
    flatBody: FlatClick,
    run: (
      ctx: Context,
      runtime: BrowserRuntime,
      id: string,
      body: z.output<typeof Click>,
    ): Promise<unknown> => runPageCommand(ctx, runtime, id, 'click', body),
    returns: PageResult,
    problems: elementProblems,
    example: { selector: '#submit' },
    reply: pageExample,
  },
  type: {
    summary: 'Type text',
    body: Type,
    flatBody: FlatType,
    run: (
      ctx: Context,
      runtime: BrowserRuntime,
      id: string,
      body: z.output<typeof Type>,
    ): Promise<unknown> => runPageCommand(ctx, runtime, id, 'type', body),
    returns: PageResult,
    problems: elementProblems,
    example: { selector: '#name', text: 'Ada', clear: true },
    reply: pageExample,
  },
  execute: {
    summary: 'Run JavaScript in the page',
    body: Execute,
    flatBody: FlatExecute,
    run: (
      ctx: Context,
      runtime: BrowserRuntime,
      id: string,
      body: z.output<typeof Execute>,
    ): Promise<unknown> => runCommand(ctx, runtime, id, 'execute', body),
    returns: ExecuteResult,
    problems: [problems.scriptFailed, problems.resultNotSerializable, problems.resultTooLarge],
    example: { script: 'document.title' },
    reply: { sessionId: ID, result: 'Example Domain' },
  },
  scroll: {
    summary: 'Scroll the page or an element',
    body: Scroll,
    flatBody: FlatScroll,
    run: (
      ctx: Context,
      runtime: BrowserRuntime,
      id: string,
      body: z.output<typeof Scroll>,
    ): Promise<unknown> => runCommand(ctx, runtime, id, 'scroll', body),
    returns: ScrollResult,
    problems: elementProblems,
    example: { y: 600 },
    reply: { sessionId: ID, x: 0, y: 600 },
  },
} as const

type CommandShape = (typeof COMMANDS)[keyof typeof COMMANDS]

/** The commands of one named session, and those that need none. */
export function commandRoutes(runtime: () => BrowserRuntime) {
  return [
    ...entries().map(([type, command]) =>
      route({
        ...shared(command),
        path: `/v1/sessions/:id/${type}`,
        params,
        body: command.body,
        examples: { params: { id: ID }, body: command.example, reply: command.reply },
        timeoutMs: commandTimeoutMs,
        handler: (ctx, { params, body }) => command.run(ctx, runtime(), params.id, body as never),
      }),
    ),
    route({
      ...screenshotShared,
      path: '/v1/sessions/:id/screenshot',
      params,
      body: Screenshot,
      bodyOptional: true,
      examples: {
        params: { id: ID },
        body: { format: 'png', fullPage: true },
        reply: screenshotExample,
      },
      timeoutMs: commandTimeoutMs,
      handler: async (ctx, { params, body, request }) =>
        presentScreenshot(request, await runCommand(ctx, runtime(), params.id, 'screenshot', body)),
    }),
    route({
      method: 'GET',
      path: '/v1/sessions/:id/state',
      summary: 'What the page shows now',
      access: 'sessions.read',
      params,
      returns: PageState,
      problems: commandProblems,
      examples: { params: { id: ID }, reply: stateExample },
      handler: (ctx, { params }) => runCommand(ctx, runtime(), params.id, 'state', {}),
    }),
    ...moreCommandRoutes(runtime),
    ...oneShotRoutes(runtime),
  ]
}

/** The same commands for the caller's only open session, or the one that the body names. */
export function flatRoutes(runtime: () => BrowserRuntime) {
  return [
    ...entries().map(([type, command]) =>
      route({
        ...shared(command),
        path: `/v1/browser/${type}`,
        summary: `${command.summary}, in your only open session`,
        description: type === 'navigate' ? OPENS : FLAT,
        body: command.flatBody,
        problems: [
          ...shared(command).problems,
          ...flatProblems,
          ...(type === 'navigate' ? launchProblems : []),
        ],
        examples: { body: command.example, reply: command.reply },
        timeoutMs: flatTimeoutMs,
        handler: async (ctx, { body: { sessionId, ...body } }) => {
          const id = await flatSession(ctx, runtime(), sessionId, type === 'navigate')
          return command.run(ctx, runtime(), id, body as never)
        },
      }),
    ),
    route({
      ...screenshotShared,
      path: '/v1/browser/screenshot',
      summary: `${screenshotShared.summary}, in your only open session`,
      description: FLAT,
      body: FlatScreenshot,
      bodyOptional: true,
      problems: [...screenshotShared.problems, ...flatProblems],
      examples: { body: { format: 'png' }, reply: screenshotExample },
      timeoutMs: flatTimeoutMs,
      handler: async (ctx, { body: { sessionId, ...body }, request }) => {
        const id = await flatSession(ctx, runtime(), sessionId, false)
        return presentScreenshot(request, await runCommand(ctx, runtime(), id, 'screenshot', body))
      },
    }),
    route({
      method: 'GET',
      path: '/v1/browser/state',
      summary: 'What the page shows now, in your only open session',
      description: FLAT,
      access: 'sessions.read',
      query: z.strictObject({ sessionId: SessionId.optional() }),
      returns: PageState,
      problems: [...commandProblems, ...flatProblems],
      examples: { reply: stateExample },
      handler: async (ctx, { query }) => {
        const id = await flatSession(ctx, runtime(), query.sessionId, false)
        return runCommand(ctx, runtime(), id, 'state', {})
      },
    }),
  ]
}

const FLAT = 'Acts on `sessionId`, or on your only open session.'
const OPENS = `${FLAT} When none is open, opens one under your preferences.`

const screenshotShared = {
  method: 'POST',
  summary: 'Take a screenshot',
  access: 'sessions.write',
  returns: ScreenshotResult,
  alsoReturns: ['image/png', 'image/jpeg', 'image/webp'],
  problems: [...commandProblems, ...elementProblems],
} as const

function entries() {
  return Object.entries(COMMANDS) as [keyof typeof COMMANDS, CommandShape][]
}

function shared(command: CommandShape) {
  return {
    method: 'POST' as const,
    summary: command.summary,
    access: 'sessions.write',
    returns: command.returns as z.ZodType,
    problems: [...commandProblems, ...command.problems],
  }
}
