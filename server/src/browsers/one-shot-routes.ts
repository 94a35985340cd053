import type { z } from 'zod'
import { Reply, type RequestFacts, route } from '#kernel/http/route.ts'
import { tunnelProblems } from '#tunnels/index.ts'
import { commandProblems, elementProblems } from './command-problems.ts'
import { ScreenshotResult } from './command-schema.ts'
import { DEFAULT_TIMEOUT_MS } from './commands.ts'
import { ID, pdfExample, screenshotExample } from './examples.ts'
import {
  ownMembers,
  PageContent,
  type PageWish,
  PrintPage,
  ReadPage,
  TakeScreenshot,
} from './one-shot-schema.ts'
import { onOnePage } from './one-shot.ts'
import { PdfResult } from './page-command-schema.ts'
import { presentPdf, presentScreenshot } from './present.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { launchProblems, launchTimeoutMs } from './session-routes.ts'

/** A page is HTML of up to 5 million characters, each of up to six bytes in JSON. */
const BODY_LIMIT = 32 * 1024 * 1024
/** For the end of the session. */
const END_MS = 10_000

const timeoutMs = ({ body }: { body: PageWish }) =>
  launchTimeoutMs() + (body.timeoutMs ?? DEFAULT_TIMEOUT_MS) + END_MS

const DESCRIPTION =
  'Makes a session for this one page and ends it before the answer. Answers with the bytes, or with JSON for `Accept: application/json`.'

const pageProblems = [
  ...[...launchProblems, ...commandProblems],
  ...[problems.urlRefused, problems.navigationFailed, problems.cookieRefused],
  ...[problems.scriptFailed, tunnelProblems.notFound, tunnelProblems.notHttp],
]

const shared = {
  method: 'POST',
  description: DESCRIPTION,
  access: 'sessions.write',
  bodyLimit: BODY_LIMIT,
  timeoutMs,
} as const

/** What needs a page once, and no session before or after. */
export function oneShotRoutes(runtime: () => BrowserRuntime) {
  return [
    route({
      ...shared,
      path: '/v1/screenshot',
      summary: 'Take a screenshot of a page, without a session',
      body: TakeScreenshot,
      returns: ScreenshotResult,
      alsoReturns: ['image/png', 'image/jpeg', 'image/webp'],
      problems: [...pageProblems, ...elementProblems],
      examples: {
        body: { url: 'https://example.com/', fullPage: true, waitFor: { selector: 'h1' } },
        reply: screenshotExample,
      },
      handler: (ctx, { body, request }) =>
        onOnePage(ctx, runtime(), body, async (run) =>
          presentScreenshot(
            preferring(request, 'image/'),
            await run('screenshot', ownMembers(body)),
          ),
        ),
    }),
    route({
      ...shared,
      path: '/v1/pdf',
      summary: 'Print a page to PDF, without a session',
      body: PrintPage,
      returns: PdfResult,
      alsoReturns: ['application/pdf'],
      problems: [
        ...pageProblems,
        ...elementProblems,
        problems.printRefused,
        problems.outputTooLarge,
      ],
      examples: {
        body: { html: '<h1>Invoice</h1>', paper: 'a4', background: true },
        reply: pdfExample,
      },
      handler: (ctx, { body, request }) =>
        onOnePage(ctx, runtime(), body, async (run) =>
          presentPdf(preferring(request, 'application/pdf'), await run('pdf', ownMembers(body))),
        ),
    }),
    route({
      ...shared,
      path: '/v1/content',
      summary: 'Read a page as HTML, Markdown or text, without a session',
      body: ReadPage,
      returns: PageContent,
      alsoReturns: ['text/html', 'text/markdown', 'text/plain'],
      problems: [...pageProblems, ...elementProblems, problems.resultTooLarge],
      examples: {
        body: { url: 'https://example.com/', format: 'markdown' },
        reply: {
          sessionId: ID,
          ...{ url: 'https://example.com/', format: 'markdown', content: '# Example Domain' },
        },
      },
      handler: (ctx, { body, request }) =>
        onOnePage(ctx, runtime(), body, async (run) => {
          const { format = 'html' } = ownMembers(body)
          const { sessionId, url, content = '' } = await run('extract', { format })
          return presentContent(request, { sessionId, url, format, content })
        }),
    }),
  ]
}

/** The client gets bytes unless it asks for JSON and for nothing else before it. */
function preferring(request: RequestFacts, type: string): RequestFacts {
  return { ...request, prefers: () => !wantsJson(request, type) }
}

function wantsJson(request: RequestFacts, type: string): boolean {
  const { accept = '' } = request.headers
  return /application\/json/i.test(accept) && !request.prefers(type)
}

function presentContent(request: RequestFacts, page: z.output<typeof PageContent>) {
  if (wantsJson(request, 'text/')) return page
  const type = page.format === 'text' ? 'text/plain' : `text/${page.format}`
  return Reply.content(page.content, `${type}; charset=utf-8`, {
    'x-session-id': page.sessionId,
    // It is somebody else's document, and no part of this site.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  })
}
