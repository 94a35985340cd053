import { z } from 'zod'

const token = z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, 'must be the name of a header')
const value = z
  .string()
  .max(2048)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line')

/** What frames a message or ends at the next hop is the relay's, and so is what it says of the visitor and of itself. */
const OURS =
  /^(connection|close|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings|content-length|content-encoding|expect|host|via|forwarded|x-forwarded-.*|gantry-.*)$/i

const ruled = token.refine((name) => !OURS.test(name), 'is set by the relay')
/** One header of that name would take the place of all cookies. */
const settable = ruled.refine(
  (name) => name.toLowerCase() !== 'set-cookie',
  'is left to the service: it may be removed, and not set',
)

const MOST_RULES = 50

export const HeaderRules = z
  .strictObject({
    set: z
      .record(settable, value)
      .refine((rules) => Object.keys(rules).length <= MOST_RULES, `at most ${MOST_RULES}`)
      .default({}),
    remove: z.array(ruled).max(MOST_RULES).default([]),
  })
  .meta({ id: 'TunnelHeaderRules' })

const host = z
  .string()
  .toLowerCase()
  .regex(
    /^(preserve|rewrite|(?=.{1,253}(:|$))[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?)$/,
    'must be `preserve`, `rewrite` or a host name',
  )

const username = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[ -9;-~\u00a0-\uffff]+$/, 'must have no colon')
export const VisitorPassword = z.string().min(8).max(256)

const seconds = (from: number, to: number) => z.int().min(from).max(to)

const members = {
  maxConnections: z.int().min(1).max(10_000).default(100).meta({
    description: 'Requests, WebSockets and TCP connections at once',
  }),
  timeoutSeconds: seconds(1, 3600)
    .default(60)
    .meta({ description: 'Until the first byte of an answer' }),
  idleTimeoutSeconds: seconds(1, 86_400).default(300).meta({
    description: 'Without a byte either way, of what is under way',
  }),
  compression: z.boolean().default(false).meta({
    description: 'Of text that comes uncompressed, for visitors who take it',
  }),
  bandwidthBytesPerSecond: z.int().min(1024).max(10_000_000_000).optional().meta({
    description: 'Of all bytes, each way; unbounded unless given',
  }),
  queueSeconds: seconds(0, 60).default(5).meta({
    description: 'How long a request may wait for one of `maxConnections`; 0 refuses at once',
  }),
  requestHeaders: HeaderRules.default({ set: {}, remove: [] }),
  responseHeaders: HeaderRules.default({ set: {}, remove: [] }),
  hostHeader: host.default('preserve').meta({
    description:
      'Host that the local service sees: the visitor’s (`preserve`), that of the endpoint’s URL (`rewrite`), or this one',
  }),
  inspector: z
    .strictObject({
      enabled: z.boolean().default(false),
      bodyBytes: z.int().min(0).max(65_536).default(4096),
    })
    .default({ enabled: false, bodyBytes: 4096 })
    .meta({ description: 'Keeps the last requests with headers and the beginnings of bodies' }),
}

/** What an admin of a tunnel sets; members that are left out are as by default. */
export const PutTunnelConfig = z
  .strictObject({
    ...members,
    basicAuth: z
      .strictObject({
        username,
        password: VisitorPassword.optional().meta({
          description: 'Never shown again. Left out: the one that is set',
          writeOnly: true,
        }),
        hasPassword: z.literal(true).optional(),
      })
      .optional()
      .meta({ description: 'Demanded of visitors beside the access policy' }),
  })
  .meta({ id: 'PutTunnelConfig' })
export type PutTunnelConfig = z.output<typeof PutTunnelConfig>

/** The members that are to change; `null` takes one away. */
export const PatchTunnelConfig = z
  .strictObject({
    maxConnections: members.maxConnections.unwrap().optional(),
    timeoutSeconds: members.timeoutSeconds.unwrap().optional(),
    idleTimeoutSeconds: members.idleTimeoutSeconds.unwrap().optional(),
    compression: z.boolean().optional(),
    bandwidthBytesPerSecond: members.bandwidthBytesPerSecond.nullable(),
    queueSeconds: members.queueSeconds.unwrap().optional(),
    requestHeaders: HeaderRules.optional(),
    responseHeaders: HeaderRules.optional(),
    hostHeader: host.optional(),
    inspector: members.inspector.unwrap().optional(),
    basicAuth: PutTunnelConfig.shape.basicAuth.nullable(),
  })
  .meta({ id: 'PatchTunnelConfig' })
export type PatchTunnelConfig = z.output<typeof PatchTunnelConfig>

/** In place of what may be a secret. No setting may have this value. */
export const REDACTED = '[redacted]'

const FOR_WRITERS = `\`${REDACTED}\` for whoever may not change the tunnel`

const shownRules = z.strictObject({
  set: z.record(z.string(), z.string()).meta({ description: `Values are ${FOR_WRITERS}` }),
  remove: z.array(z.string()),
})

export const ShownTunnelConfig = z
  .strictObject({
    maxConnections: z.int(),
    timeoutSeconds: z.int(),
    idleTimeoutSeconds: z.int(),
    compression: z.boolean(),
    bandwidthBytesPerSecond: z.int().optional(),
    queueSeconds: z.int(),
    requestHeaders: shownRules,
    responseHeaders: shownRules,
    hostHeader: z.string(),
    inspector: z.strictObject({ enabled: z.boolean(), bodyBytes: z.int() }),
    basicAuth: z
      .strictObject({
        username: z.string().meta({ description: FOR_WRITERS }),
        hasPassword: z.literal(true),
      })
      .optional(),
  })
  .meta({ id: 'TunnelConfig' })
export type ShownTunnelConfig = z.output<typeof ShownTunnelConfig>
