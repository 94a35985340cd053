import { z } from 'zod'

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\x20-\x7e]+$/)

const count = z.int().min(0)
export const linkId = z.string().regex(/^\w{1,64}$/)

/** Of one relay: more agents than this need more relays. */
export const MOST_LINKS = 50_000

/** What a relay tells of itself with every beat: what it holds now, and sums since it was opened. */
export const BeatFacts = z.strictObject({
  version: text(64),
  draining: z.boolean(),
  links: count,
  tunnels: count,
  streams: count,
  requests: count,
  failures: count,
  bytesIn: count,
  bytesOut: count,
  cpu: z.number().min(0).max(10_000).meta({ description: 'Of one core: 1 is all of it' }),
  eventLoopDelayMs: z.number().min(0),
  memoryMib: z.number().min(0),
  uptimeSeconds: z.number().min(0),
  now: z.iso.datetime().meta({ description: 'Its clock' }),
  certificateExpiresAt: z.iso.datetime().optional(),
  journal: z
    .strictObject({ entries: count, diskFreeMib: z.number().min(0).optional() })
    .optional()
    .meta({ description: 'Counts that the control plane has not taken yet' }),
  error: z
    .string()
    .max(500)
    .optional()
    .meta({ description: 'What it cannot do, such as to open a port: one fault in a line' }),
})
export type BeatFacts = z.input<typeof BeatFacts>

const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(500)
const internalUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' }).max(500)
const publicKeys = z.array(z.record(z.string(), z.unknown())).meta({
  description: 'JSON Web Keys by which calls of the control plane and of other relays are checked',
})

export const JoinRelay = z
  .strictObject({
    token: text(200),
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/)
      .optional(),
    url: url.meta({ description: 'Where agents dial it and visitors reach it' }),
    internalUrl: internalUrl.optional().meta({
      description: 'Where other relays and the control plane reach it; its beats tell it otherwise',
    }),
    fingerprint: z
      .string()
      .regex(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/, 'must be a SHA-256 as Node’s `fingerprint256`'),
    version: text(64),
  })
  .meta({ id: 'RelayJoin' })
export type JoinRelay = z.input<typeof JoinRelay>

export const JoinedRelay = z
  .strictObject({
    relayId: z.string(),
    credential: z.string().meta({ description: 'For `Authorization: Bearer`; shown once' }),
    publicKeys,
  })
  .meta({ id: 'RelayJoined' })
export type JoinedRelay = z.output<typeof JoinedRelay>

export const LogLine = z.strictObject({
  sequence: z.int().min(1),
  at: z.iso.datetime(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string().max(1_000),
  fields: z.record(z.string(), z.unknown()),
})
export type LogLine = z.output<typeof LogLine>

export const BeatRelay = z
  .strictObject({
    sequence: z.int().min(1).meta({ description: 'Higher than that of the beat before' }),
    facts: BeatFacts,
    links: z.array(linkId).max(MOST_LINKS).optional().meta({
      description: 'All that it has: once in 30 seconds, and when it is asked to',
    }),
    leaving: z.boolean().optional().meta({
      description: 'It was told to end where it runs, and takes no new links',
    }),
    url: url.optional(),
    internalUrl: internalUrl.optional(),
    lines: z.array(LogLine).max(200).optional().meta({
      description: 'What it has logged since those that were taken',
    }),
  })
  .meta({ id: 'RelayBeat' })
export type BeatRelay = z.input<typeof BeatRelay>

export const RelayBeatAnswer = z
  .strictObject({
    sequence: z.int().meta({ description: 'The highest that has come; go on from here' }),
    drop: z.array(z.string()).meta({
      description: 'Links that are not in the books: close them, so that their agents come again',
    }),
    tellLinks: z.boolean().meta({ description: 'Name all links with the next beat' }),
    stop: z
      .strictObject({ until: z.iso.datetime().optional() })
      .optional()
      .meta({ description: 'End once nothing is under way, or at that time' }),
    peers: z.int().meta({ description: 'Other relays that live' }),
    beatSeconds: z.int(),
    publicKeys,
  })
  .meta({ id: 'RelayBeatAnswer' })
export type RelayBeatAnswer = z.output<typeof RelayBeatAnswer>

export const LeaveRelay = z.strictObject({ sequence: z.int().min(1) }).meta({ id: 'RelayLeave' })
export type LeaveRelay = z.output<typeof LeaveRelay>
