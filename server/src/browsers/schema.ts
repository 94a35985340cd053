import { z } from 'zod'
import { pageOf, PageQuery } from '#kernel/http/cursor.ts'
import {
  type EgressRules,
  EgressRulesInvalid,
  MAX_PATTERN_LENGTH,
  MAX_PATTERNS,
  parseEgressRules,
} from './host/egress-rules.ts'
import { END_REASONS, states } from './states.ts'

export const SessionId = z
  .string()
  .regex(/^ses_[0-9a-z]{26}$/, 'must be a session id such as ses_06ax…')
  .meta({ description: 'Id of a session' })

export const DEFAULT_VIEWPORT = { width: 1280, height: 720 }
export const DEFAULT_TIMEOUT_SECONDS = 3600
export const DEFAULT_IDLE_TIMEOUT_SECONDS = 600
export const DEFAULT_QUEUE_TIMEOUT_SECONDS = 60
const MAX_QUEUE_SECONDS = 600
const MAX_SECONDS = 24 * 60 * 60
const MAX_METADATA = 50
const MAX_TUNNELS = 8

export const Viewport = z
  .strictObject({
    width: z.int().min(200).max(7680),
    height: z.int().min(200).max(4320),
  })
  .meta({ id: 'Viewport', description: 'Inner size of the page in CSS pixels' })

const Locale = z
  .string()
  .max(35)
  .refine(isLocale, 'must be a BCP 47 language tag such as de-DE')
  .meta({ description: 'Language that pages see, as a BCP 47 tag', examples: ['de-DE'] })

const Timezone = z
  .string()
  .max(64)
  .refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin')
  .meta({ description: 'Time zone that pages see', examples: ['Europe/Berlin'] })

const hosts = (description: string) =>
  z
    .array(z.string().min(1).max(MAX_PATTERN_LENGTH))
    .max(MAX_PATTERNS)
    .optional()
    .meta({ description })

export const Egress = z
  .strictObject({
    allow: hosts(
      'The only hosts that its pages may reach: names, `*.example.com`, addresses, CIDR ranges, each with `:port` if wanted',
    ),
    deny: hosts('Hosts that its pages may not reach; comes before `allow`'),
    proxy: z
      .string()
      .min(1)
      .max(2048)
      .optional()
      .meta({
        description:
          'Proxy for all its traffic: http://, https:// or socks5://, with user and password',
        examples: ['http://user:password@proxy.example.com:3128'],
      }),
  })
  .superRefine(checkEgress)
  .meta({ id: 'Egress', description: 'The ways out of the session’s browser' })

export const Tunnels = z
  .array(z.string().min(1).max(64))
  .max(MAX_TUNNELS)
  .meta({
    description:
      'Names or ids of tunnels that its pages reach as `http://<name>.tunnel/`, whether or not they are public',
    examples: [['shop']],
  })

const Recording = z
  .strictObject({
    frames: z
      .boolean()
      .optional()
      .meta({ description: 'Pictures of the pages; kept unless false' }),
    network: z
      .boolean()
      .optional()
      .meta({ description: 'Requests, as a HAR needs them; kept unless false' }),
  })
  .meta({ id: 'Recording', description: 'What of the session is kept' })

const Metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine(
    (entries) => Object.keys(entries).length <= MAX_METADATA,
    `at most ${MAX_METADATA} entries`,
  )
  .meta({ description: 'Your own labels' })

export const CreateSession = z
  .strictObject({
    viewport: Viewport.optional(),
    userAgent: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII')
      .optional(),
    locale: Locale.optional(),
    timezone: Timezone.optional(),
    timeoutSeconds: z
      .int()
      .min(5)
      .max(MAX_SECONDS)
      .optional()
      .meta({ description: 'Longest life; 3600 unless given' }),
    idleTimeoutSeconds: z
      .int()
      .min(5)
      .max(MAX_SECONDS)
      .optional()
      .meta({ description: 'Ends this long after the last command; 600 unless given' }),
    queueTimeoutSeconds: z.int().min(0).max(MAX_QUEUE_SECONDS).optional().meta({
      description:
        'How long it may wait for a place when every one is taken; 60 unless given, 0 to be refused at once',
    }),
    wait: z.boolean().optional().meta({
      description:
        'false: the answer comes at once, with `status: queued` and the place in the queue when every place is taken',
    }),
    egress: Egress.optional(),
    tunnels: Tunnels.optional(),
    recording: Recording.optional(),
    metadata: Metadata.optional(),
  })
  .meta({ id: 'CreateSession' })
export type CreateSession = z.output<typeof CreateSession>

export const ChangeSession = z
  .strictObject({
    timeoutSeconds: z.int().min(5).max(MAX_SECONDS).optional().meta({
      description: 'Longest life, counted from its start',
    }),
    idleTimeoutSeconds: z.int().min(5).max(MAX_SECONDS).optional(),
    egress: z
      .strictObject({ allow: hosts('As at creation'), deny: hosts('As at creation') })
      .superRefine(checkEgress)
      .optional()
      .meta({ description: 'Takes the place of the earlier lists; the proxy stays' }),
    metadata: Metadata.optional(),
    revokeUrls: z.literal(true).optional().meta({
      description: 'Ends every cdpUrl and liveUrl given so far, and what is open by them',
    }),
  })
  .meta({ id: 'ChangeSession' })
export type ChangeSession = z.output<typeof ChangeSession>

export const WipeReport = z
  .object({ processes: z.int(), directories: z.int(), sockets: z.int() })
  .meta({
    id: 'WipeReport',
    description: 'What is left of an ended session on the machine: all zero',
  })

export const BrowserSession = z
  .object({
    id: SessionId,
    accountId: z.string(),
    userId: z.string(),
    instanceId: z.string().optional().meta({ description: 'The machine that runs it' }),
    status: z.enum(states.names),
    startTime: z.iso.datetime().optional().meta({ description: 'When the browser was ready' }),
    endTime: z.iso.datetime().optional(),
    lastActivityTime: z.iso.datetime(),
    expiresAt: z.iso.datetime().meta({ description: 'When it ends at the latest' }),
    timeoutSeconds: z.int(),
    idleTimeoutSeconds: z.int(),
    viewport: Viewport,
    userAgent: z.string().optional(),
    locale: z.string().optional(),
    timezone: z.string().optional(),
    currentUrl: z.string().optional(),
    currentTitle: z.string().optional(),
    errorMessage: z.string().optional(),
    endReason: z
      .string()
      .optional()
      .meta({
        description: `One of ${Object.keys(END_REASONS).join(', ')}`,
      }),
    queuePlace: z.int().optional().meta({ description: 'Place in the queue, from 1' }),
    cdpUrl: z.string().optional().meta({
      description:
        'For puppeteer.connect and chromium.connectOverCDP; who has it may drive the browser',
    }),
    liveUrl: z.string().optional().meta({ description: 'WebSocket of the live view' }),
    egress: z
      .object({ allow: z.array(z.string()).optional(), deny: z.array(z.string()).optional() })
      .optional(),
    tunnels: z
      .array(z.object({ id: z.string(), name: z.string(), url: z.string() }))
      .optional()
      .meta({ description: 'Tunnels that its pages reach, and where; nobody else’s pages do' }),
    recording: Recording.optional(),
    metadata: z.record(z.string(), z.string()),
    wipe: WipeReport.optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'BrowserSession' })
export type BrowserSession = z.output<typeof BrowserSession>

export const SessionUrlsWish = z
  .strictObject({
    cdp: z.enum(['driver', 'noCookies', 'observer']).default('observer'),
    live: z.enum(['control', 'watch']).default('watch'),
  })
  .meta({ id: 'SessionUrlsWish' })

export const SessionUrlsAnswer = z
  .object({ cdpUrl: z.string(), liveUrl: z.string() })
  .meta({ id: 'SessionUrls' })

export const SessionPage = pageOf(BrowserSession).meta({ id: 'SessionPage' })

export const ListSessions = PageQuery.extend({
  status: z.enum(states.names).optional().meta({ description: 'Only sessions in this state' }),
})
export type ListSessions = z.output<typeof ListSessions>

export const COMMAND_TYPES = [
  'navigate',
  'click',
  'type',
  'screenshot',
  'execute',
  'scroll',
  'pdf',
  'wait',
  'extract',
  'upload',
  'setContent',
  'tabs',
  'cookies',
  'back',
  'forward',
  'reload',
  'dialog',
] as const
export type CommandType = (typeof COMMAND_TYPES)[number]

export const BrowserCommand = z
  .object({
    id: z.string().startsWith('cmd_'),
    sessionId: SessionId,
    type: z.enum(COMMAND_TYPES),
    params: z.unknown(),
    startTime: z.iso.datetime(),
    endTime: z.iso.datetime().optional(),
    status: z.enum(['pending', 'success', 'error']),
    result: z.unknown().optional().meta({ description: 'Without image bytes; cut beyond 16 KiB' }),
    errorMessage: z.string().optional(),
    actor: z.string().meta({ description: 'The user or the API key that gave it' }),
  })
  .meta({ id: 'BrowserCommand' })
export type BrowserCommand = z.output<typeof BrowserCommand>

export const CommandPage = pageOf(BrowserCommand).meta({ id: 'CommandPage' })

/** The rules are read once more where they apply; here only to say what is wrong with them. */
function checkEgress(
  { proxy, ...rules }: EgressRules & { proxy?: string },
  issue: z.RefinementCtx,
): void {
  try {
    parseEgressRules({ ...rules, ...(proxy !== undefined && { upstream: proxy }) })
  } catch (error) {
    if (!(error instanceof EgressRulesInvalid)) throw error
    const path = error.path.map((part) => (part === 'upstream' ? 'proxy' : part))
    issue.addIssue({ code: 'custom', path, message: error.message.replace('upstream', 'proxy') })
  }
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}

function isTimezone(text: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: text }))
  } catch {
    return false
  }
}
