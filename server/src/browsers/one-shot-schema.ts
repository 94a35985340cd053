import { z } from 'zod'
import { NewCookie } from './browser-command-schema.ts'
import {
  SCREENSHOT_ERROR,
  screenshotFits,
  screenshotMembers,
  timeoutMs,
  waitUntil,
} from './command-schema.ts'
import {
  PDF_ERROR,
  pdfFits,
  pdfMembers,
  WAIT_ERROR,
  waitMembers,
  waitsForOne,
} from './page-command-schema.ts'
import { SessionId, Tunnels, Viewport } from './schema.ts'

const MAX_HTML = 5_000_000

/** What every one-shot call says of the page that it is about. */
const pageMembers = {
  url: z
    .string()
    .min(1)
    .max(8192)
    .optional()
    .meta({ examples: ['https://example.com/'] }),
  html: z
    .string()
    .max(MAX_HTML)
    .optional()
    .meta({ description: 'A document to show instead of a URL; it belongs to no site' }),
  viewport: Viewport.optional(),
  tunnels: Tunnels.optional(),
  waitUntil,
  waitFor: z
    .strictObject(waitMembers)
    .refine(waitsForOne, { error: WAIT_ERROR })
    .optional()
    .meta({ description: 'What is waited for once the page is there' }),
  cookies: z.array(NewCookie).min(1).max(500).optional(),
  timeoutMs: timeoutMs.meta({
    description: 'Longest time for the page in milliseconds, once the browser is there',
  }),
}
export type PageWish = {
  [Name in keyof typeof pageMembers]?: z.output<(typeof pageMembers)[Name]>
}

const namesOnePage = ({ url, html }: { url?: string; html?: string }) =>
  (url === undefined) !== (html === undefined)
const PAGE_ERROR = 'give either url or html'

export const TakeScreenshot = z
  .strictObject({ ...screenshotMembers, ...pageMembers })
  .refine(screenshotFits, { error: SCREENSHOT_ERROR })
  .refine(namesOnePage, { error: PAGE_ERROR })
  .meta({ id: 'TakeScreenshot' })

export const PrintPage = z
  .strictObject({ ...pdfMembers, ...pageMembers })
  .refine(pdfFits, { error: PDF_ERROR })
  .refine(namesOnePage, { error: PAGE_ERROR })
  .meta({ id: 'PrintPage' })

export const ReadPage = z
  .strictObject({
    ...pageMembers,
    format: z
      .enum(['html', 'markdown', 'text'])
      .optional()
      .meta({ description: 'html unless given' }),
  })
  .refine(namesOnePage, { error: PAGE_ERROR })
  .meta({ id: 'ReadPage' })

export const PageContent = z
  .object({
    sessionId: SessionId,
    url: z.string().meta({ description: 'Where the page came to' }),
    format: z.enum(['html', 'markdown', 'text']),
    content: z.string(),
  })
  .meta({ id: 'PageContent' })

/** What is left for the command itself. */
export function ownMembers<Body extends PageWish>(body: Body): Omit<Body, keyof PageWish> {
  const own = Object.entries(body).filter(([name]) => !(name in pageMembers))
  return Object.fromEntries(own) as Omit<Body, keyof PageWish>
}
