import { z } from 'zod'
import { timeoutMs, waitUntil } from './command-schema.ts'
import { SessionId } from './schema.ts'

const tabId = z.string().min(1).max(100).meta({ description: 'From the list of tabs' })
const url = z
  .string()
  .min(1)
  .max(8192)
  .meta({ examples: ['https://example.com/'] })

/** The forms of a command that has several, with more members each. */
export const tabsForms = <More extends z.core.$ZodShape>(more: More) =>
  [
    z.strictObject({ ...more, action: z.literal('list'), timeoutMs }),
    z.strictObject({
      ...more,
      action: z.literal('open'),
      url: url.optional(),
      waitUntil,
      timeoutMs,
    }),
    z.strictObject({ ...more, action: z.literal('close'), tabId, timeoutMs }),
    z.strictObject({ ...more, action: z.literal('activate'), tabId, timeoutMs }),
  ] as const
export const TabsCommand = z.discriminatedUnion('action', tabsForms({})).meta({ id: 'TabsCommand' })

const httpUrl = url.refine(isHttp, 'must be an http or https URL')

function isHttp(text: string): boolean {
  const protocol = URL.parse(text)?.protocol
  return protocol === 'http:' || protocol === 'https:'
}

const cookieName = z.string().max(4096)
const domain = z
  .string()
  .min(1)
  .max(253)
  .meta({ description: 'With a dot in front, subdomains get it too', examples: ['.example.com'] })
const cookiePath = z.string().max(4096).regex(/^\//, 'must begin with a slash')
const cookieMembers = {
  name: cookieName,
  value: z.string().max(4096),
  path: cookiePath.optional(),
  expires: z
    .number()
    .min(0)
    .max(253_402_300_799)
    .optional()
    .meta({ description: 'Seconds since 1970; ends with the browser unless given' }),
  httpOnly: z.boolean().optional(),
  secure: z.boolean().optional(),
  sameSite: z.enum(['Strict', 'Lax', 'None']).optional(),
  partitionKey: z
    .strictObject({ topLevelSite: z.string().max(2048), hasCrossSiteAncestor: z.boolean() })
    .optional(),
}

export const NewCookie = z
  .strictObject({ ...cookieMembers, url: httpUrl.optional(), domain: domain.optional() })
  .refine(({ url, domain }) => url !== undefined || domain !== undefined, {
    error: 'give url or domain',
  })
  .meta({ id: 'NewCookie' })

export const cookiesForms = <More extends z.core.$ZodShape>(more: More) =>
  [
    z.strictObject({
      ...{ ...more, action: z.literal('get'), timeoutMs },
      urls: z
        .array(httpUrl)
        .min(1)
        .max(50)
        .optional()
        .meta({ description: 'Only cookies that would be sent to one of these' }),
    }),
    z.strictObject({
      ...{ ...more, action: z.literal('set'), timeoutMs },
      cookies: z.array(NewCookie).min(1).max(500),
    }),
    z.strictObject({
      ...{ ...more, action: z.literal('clear'), timeoutMs },
      name: cookieName.optional(),
      domain: domain.optional(),
      path: cookiePath.optional(),
    }),
  ] as const
export const CookiesCommand = z
  .discriminatedUnion('action', cookiesForms({}))
  .meta({ id: 'CookiesCommand' })

export const dialogMembers = {
  action: z.enum(['accept', 'dismiss']),
  promptText: z
    .string()
    .max(10_000)
    .optional()
    .meta({ description: 'Entered in a prompt that is accepted' }),
  repeat: z
    .int()
    .min(1)
    .max(50)
    .optional()
    .meta({ description: 'Answers up to so many that come one after another; 1 unless given' }),
  timeoutMs,
}
export const AnswerDialog = z.strictObject(dialogMembers).meta({ id: 'AnswerDialog' })

const sessionId = SessionId

export const TabsResult = z
  .object({
    sessionId,
    tabId: z.string().optional().meta({ description: 'The tab that was acted on' }),
    tabs: z.array(
      z.object({ id: z.string(), url: z.string(), title: z.string(), active: z.boolean() }),
    ),
  })
  .meta({ id: 'TabsResult' })

export const CookiesResult = z
  .object({
    sessionId,
    cookies: z
      .array(
        z.object({
          ...{ name: z.string(), value: z.string(), domain: z.string(), path: z.string() },
          expires: z.number().optional(),
          ...{ httpOnly: z.boolean(), secure: z.boolean() },
          sameSite: z.enum(['Strict', 'Lax', 'None']).optional(),
          partitionKey: z
            .object({ topLevelSite: z.string(), hasCrossSiteAncestor: z.boolean() })
            .optional(),
        }),
      )
      .optional()
      .meta({ description: 'Of get; can be set again as they are' }),
    count: z.int().optional().meta({ description: 'How many were set or cleared' }),
  })
  .meta({ id: 'CookiesResult' })

const Dialog = z.object({
  type: z.enum(['alert', 'confirm', 'prompt', 'beforeunload']),
  message: z.string(),
})
export const DialogResult = z
  .object({
    sessionId,
    answered: z.array(Dialog),
    dialog: Dialog.optional().meta({ description: 'The one that holds the page now' }),
  })
  .meta({ id: 'DialogResult' })
