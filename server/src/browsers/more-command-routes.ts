import { z } from 'zod'
import { type Route, route } from '#kernel/http/route.ts'
import { Batch, BatchResult, DEFAULT_BATCH_TIMEOUT_MS } from './batch-schema.ts'
import { runBatch } from './batch.ts'
import {
  AnswerDialog,
  CookiesCommand,
  CookiesResult,
  DialogResult,
  TabsCommand,
  TabsResult,
} from './browser-command-schema.ts'
import { commandProblems, elementProblems } from './command-problems.ts'
import { NavigateResult } from './command-schema.ts'
import { LONGEST_COMMAND_MS, runCommand } from './commands.ts'
import { waitTimeoutMs } from './driver/wait.ts'
import { cookiesExample, ID, pageExample, pdfExample, tabsExample } from './examples.ts'
import type { CommandName } from './node/session-node.ts'
import {
  Extract,
  ExtractResult,
  Journey,
  Pdf,
  PdfResult,
  Upload,
  UploadResult,
  Wait,
  WaitResult,
} from './page-command-schema.ts'
import { presentPdf } from './present.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { SessionId } from './schema.ts'

const params = z.object({ id: SessionId })
/** In which the command's own deadline speaks first. */
const MARGIN_MS = 1_000
/** 50 MiB in base64, and what is around them. */
const UPLOAD_BODY_LIMIT = 72 * 1024 * 1024
const BATCH_BODY_LIMIT = 8 * 1024 * 1024

const timeoutMs = ({ body }: { body: { timeoutMs?: number } }) =>
  (body.timeoutMs ?? LONGEST_COMMAND_MS) + MARGIN_MS

type Declared<Body extends z.ZodType, Returns extends z.ZodType> = Pick<
  Route<typeof params, undefined, Body, Returns>,
  'summary' | 'description' | 'bodyOptional' | 'bodyLimit' | 'problems'
> & {
  body: Body
  returns: Returns
  example: z.input<Body>
  reply: z.input<Returns>
}

const journeyReply = { ...pageExample, status: 200 }

/** The commands that there is no flat form of. */
export function moreCommandRoutes(runtime: () => BrowserRuntime) {
  const command = <Body extends z.ZodType<{ timeoutMs?: number }>, Returns extends z.ZodType>(
    type: CommandName,
    { example, reply, problems = [], ...declared }: Declared<Body, Returns>,
  ) =>
    route({
      ...declared,
      method: 'POST',
      path: `/v1/sessions/:id/${type}`,
      access: 'sessions.write',
      params,
      problems: [...commandProblems, ...problems],
      examples: { params: { id: ID }, body: example, reply },
      timeoutMs,
      handler: async (ctx, { params, body }) =>
        (await runCommand(ctx, runtime(), params.id, type, body as never)) as never,
    })
  const journey = (type: 'back' | 'forward' | 'reload', summary: string) =>
    command(type, {
      summary,
      body: Journey,
      bodyOptional: true,
      returns: NavigateResult,
      problems: [problems.noHistory, problems.urlRefused, problems.navigationFailed],
      example: { waitUntil: 'load' },
      reply: journeyReply,
    })

  return [
    route({
      method: 'POST',
      path: '/v1/sessions/:id/pdf',
      summary: 'Print the page to PDF',
      description: 'Answers with the PDF itself for `Accept: application/pdf`. At most 50 MiB.',
      access: 'sessions.write',
      params,
      body: Pdf,
      bodyOptional: true,
      returns: PdfResult,
      alsoReturns: ['application/pdf'],
      problems: [...commandProblems, problems.printRefused, problems.outputTooLarge],
      examples: {
        params: { id: ID },
        body: { paper: 'a4', background: true, marginsMm: { top: 20, bottom: 20 } },
        reply: pdfExample,
      },
      timeoutMs,
      handler: async (ctx, { params, body, request }) =>
        presentPdf(request, await runCommand(ctx, runtime(), params.id, 'pdf', body)),
    }),
    route({
      method: 'POST',
      path: '/v1/sessions/:id/wait',
      summary: 'Wait for something on the page',
      description: 'For exactly one thing, through navigations of the page too.',
      access: 'sessions.write',
      params,
      body: Wait,
      returns: WaitResult,
      problems: [...commandProblems, problems.selectorInvalid, problems.scriptFailed],
      examples: {
        params: { id: ID },
        body: { selector: '#result', state: 'visible', timeoutMs: 10_000 },
        reply: { ...pageExample, waitedMs: 412 },
      },
      timeoutMs: ({ body }) => (waitTimeoutMs(body) ?? LONGEST_COMMAND_MS) + MARGIN_MS,
      handler: (ctx, { params, body }) => runCommand(ctx, runtime(), params.id, 'wait', body),
    }),
    command('extract', {
      summary: 'Read the page as data, Markdown, text or HTML',
      description:
        'Selectors are CSS and look in the main document. What `schema` names is read as it is, without waiting.',
      body: Extract,
      returns: ExtractResult,
      problems: [problems.selectorInvalid, problems.selectorNotFound, problems.resultTooLarge],
      example: {
        schema: {
          title: 'h1',
          links: { selector: 'a', all: true, attribute: 'href' },
          items: { selector: '.item', all: true, fields: { name: 'b', price: '.price' } },
        },
      },
      reply: {
        sessionId: ID,
        url: pageExample.url,
        data: { title: 'Example Domain', links: ['https://example.com/more'], items: [] },
      },
    }),
    command('upload', {
      summary: 'Give files to the browser',
      description:
        'With `selector` they are set on that file input. At most 50 MiB at once and 500 MiB in a session.',
      body: Upload,
      bodyLimit: UPLOAD_BODY_LIMIT,
      returns: UploadResult,
      problems: [
        ...elementProblems,
        ...[problems.uploadTooLarge, problems.uploadsFull, problems.uploadsUnavailable],
      ],
      example: {
        files: [{ name: 'list.csv', contentType: 'text/csv', base64: 'YSxiCg==' }],
        selector: 'input[type=file]',
      },
      reply: {
        sessionId: ID,
        files: [{ name: 'list.csv', bytes: 4, path: '/uploads/5f0c1a2b3d4e/list.csv' }],
      },
    }),
    command('tabs', {
      summary: 'List, open, close or activate tabs',
      description: 'Works also while a dialog or a looping script holds the page.',
      body: TabsCommand,
      returns: TabsResult,
      problems: [
        ...[problems.tabNotFound, problems.tooManyTabs],
        ...[problems.urlRefused, problems.navigationFailed],
      ],
      example: { action: 'open', url: 'https://example.com/' },
      reply: tabsExample,
    }),
    command('cookies', {
      summary: 'Read, set or clear cookies',
      body: CookiesCommand,
      returns: CookiesResult,
      problems: [problems.cookieRefused],
      example: { action: 'get', urls: ['https://example.com/'] },
      reply: cookiesExample,
    }),
    journey('back', 'Go back to the page before'),
    journey('forward', 'Go forward again'),
    journey('reload', 'Load the page anew'),
    command('dialog', {
      summary: 'Answer the dialog that holds the page',
      description: 'Does not wait for other commands of the session.',
      body: AnswerDialog,
      returns: DialogResult,
      problems: [problems.noDialog],
      example: { action: 'accept', promptText: 'Ada' },
      reply: { sessionId: ID, answered: [{ type: 'prompt', message: 'Your name?' }] },
    }),
    route({
      method: 'POST',
      path: '/v1/sessions/:id/batch',
      summary: 'Run several commands one after another',
      description:
        'Each is run and recorded as if it had been sent by itself; its outcome is in `results`, and the answer is 200 even when it failed.',
      access: 'sessions.write',
      params,
      body: Batch,
      bodyLimit: BATCH_BODY_LIMIT,
      returns: BatchResult,
      problems: commandProblems,
      examples: {
        params: { id: ID },
        body: {
          commands: [
            { type: 'navigate', url: 'https://example.com/' },
            { type: 'execute', script: 'document.title' },
          ],
        },
        reply: {
          sessionId: ID,
          results: [
            {
              ...{ type: 'navigate', status: 'success', durationMs: 320 },
              result: { url: pageExample.url, title: pageExample.title, status: 200 },
            },
            {
              ...{ type: 'execute', status: 'success', durationMs: 4 },
              result: { result: 'Example Domain' },
            },
          ],
        },
      },
      timeoutMs: ({ body }) => (body.timeoutMs ?? DEFAULT_BATCH_TIMEOUT_MS) + 5 * MARGIN_MS,
      handler: (ctx, { params, body }) => runBatch(ctx, runtime(), params.id, body),
    }),
  ]
}
