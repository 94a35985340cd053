import { z } from 'zod'

const count = z.number().min(0)
const text = z.string().max(20_000)

const SeenBody = z.object({
  length: count.meta({ description: 'Bytes of the whole body' }),
  cut: z.boolean().meta({ description: 'Whether only its beginning was kept' }),
  text: z.string().optional().meta({ description: 'Decompressed, without secrets' }),
  type: z.string().max(202).optional().meta({ description: 'Of what is no text' }),
  sha256: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Of what is no text and was kept whole, in hex' }),
})

const SeenMessage = z.object({
  headers: z.array(z.tuple([text, text])),
  body: SeenBody,
})

/** As relays tell of it; what else they tell is left out. */
export const TunnelRequest = z
  .object({
    id: z.string().max(64).meta({ description: '`req_…`; in the header `Gantry-Request-Id` too' }),
    kind: z.enum(['request', 'socket', 'tcp']),
    startedAtMs: count.meta({ description: 'Since 1970' }),
    endedAtMs: count,
    method: text.optional(),
    host: text.optional(),
    path: text.optional().meta({ description: 'Secret parameters are left out' }),
    visitor: text.meta({ description: 'Address of the visitor' }),
    status: z.int().optional(),
    outcome: text.meta({
      description:
        '`answered`, `visitor_left`, `cut`, or the code of the problem that was answered',
    }),
    relayId: text,
    forwardedBy: text.optional().meta({ description: 'The relay that the visitor has reached' }),
    endpointId: text.optional(),
    agent: text.optional(),
    grantId: text.optional().meta({ description: 'What let the visitor in' }),
    limit: text.optional().meta({ description: 'That it waited for, or that refused it' }),
    queuedMs: count,
    breaker: text.optional().meta({ description: 'Of the endpoint, when it was chosen' }),
    retries: z
      .array(z.object({ endpointId: text, failure: text, detail: text.optional() }))
      .max(100)
      .meta({ description: 'Tries before the last one' }),
    connectMs: count.optional(),
    firstByteMs: count.optional(),
    totalMs: count,
    bytesIn: count,
    bytesOut: count,
    replayOf: text.optional(),
    request: SeenMessage.optional().meta({
      description: 'While the inspector is on, and only of one request; without secrets',
    }),
    response: SeenMessage.optional(),
  })
  .meta({ id: 'TunnelRequest' })
export type TunnelRequest = z.output<typeof TunnelRequest>

export const RequestParams = z.strictObject({
  id: z.string().max(64),
  requestId: z.string().max(64),
})

export const RequestsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(500).optional(),
  failed: z.stringbool().optional().meta({
    description: 'Only those that were answered with 5xx, refused, or not answered',
  }),
})
export type RequestsQuery = z.output<typeof RequestsQuery>

export const TunnelRequests = z
  .strictObject({
    items: z.array(TunnelRequest),
    nextCursor: z.string().nullable(),
    silentRelays: z.array(z.string()).meta({ description: 'That did not answer in time' }),
  })
  .meta({ id: 'TunnelRequests' })

export const ReplayRequest = z
  .strictObject({
    withoutSecrets: z.boolean().default(false).meta({
      description: 'Make it without the headers that were not kept, such as `Authorization`',
    }),
  })
  .meta({ id: 'ReplayTunnelRequest' })
export type ReplayRequest = z.output<typeof ReplayRequest>

export const Replayed = z.strictObject({
  requestId: z.string().meta({ description: 'Of the new one' }),
})
