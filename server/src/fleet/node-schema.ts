import { z } from 'zod'
import { PROVIDERS } from './providers/provider.ts'

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\x20-\x7e]+$/)

/** What a node tells of itself with every beat. */
export const NodeFacts = z.strictObject({
  capacity: z.int().min(0).max(10_000),
  sessions: z.int().min(0).max(10_000),
  version: text(64),
  draining: z.boolean().default(false),
  /** Too little disk is left for another session; a session of its own may free some. */
  diskFull: z.boolean().default(false),
  /** The provider is about to take the machine back. */
  spotNotice: z.boolean().default(false),
})
export type NodeFacts = z.input<typeof NodeFacts>

const nodeUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' }).max(500)

export const JoinRequest = z
  .strictObject({
    token: text(200),
    url: nodeUrl,
    fingerprint: z
      .string()
      .regex(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/, 'must be a SHA-256 as Node’s `fingerprint256`'),
    machine: z
      .strictObject({
        provider: z.enum(PROVIDERS),
        id: z
          .string()
          .regex(/^[\w.:-]{1,128}$/)
          .meta({
            description: 'The provider’s id, or any name that stays the same',
          }),
        region: text(64).optional(),
        instanceType: text(64).optional(),
      })
      .optional()
      .meta({ description: 'Not needed with the token of a machine that Gantry has launched' }),
    facts: NodeFacts,
  })
  .meta({ id: 'NodeJoin' })
export type JoinRequest = z.input<typeof JoinRequest>

export const Joined = z
  .strictObject({
    nodeId: z.string(),
    instanceId: z.string(),
    credential: z.string().meta({ description: 'For `Authorization: Bearer`; shown once' }),
    publicKeys: z.array(z.record(z.string(), z.unknown())).meta({
      description: 'JSON Web Keys by which calls of the control plane are checked',
    }),
  })
  .meta({ id: 'NodeJoined' })
export type Joined = z.output<typeof Joined>

export const BeatRequest = z
  .strictObject({
    sequence: z.int().min(1).meta({ description: 'Higher than that of the beat before' }),
    facts: NodeFacts,
    sessions: z.array(z.string().regex(/^\w{1,64}$/)).max(10_000),
    url: nodeUrl
      .optional()
      .meta({ description: 'Where it listens now; its certificate stays the one of the join' }),
  })
  .meta({ id: 'NodeBeat' })
export type BeatRequest = z.input<typeof BeatRequest>

export const LeaveRequest = z
  .strictObject({
    sequence: z.int().min(1).optional().meta({
      description: 'Of the last beat, so that one which arrives late changes nothing',
    }),
  })
  .meta({ id: 'NodeLeave' })
export type LeaveRequest = z.output<typeof LeaveRequest>

export const BeatAnswer = z
  .strictObject({
    sequence: z.int().meta({ description: 'The highest that has come; go on from here' }),
    end: z.array(z.string()).meta({ description: 'Sessions that have ended: wipe them' }),
    generations: z.record(z.string(), z.int()).meta({
      description:
        'Of sessions whose URLs were revoked: cut what those of earlier ones have opened',
    }),
    drain: z.boolean().meta({ description: 'Whether to take no new sessions' }),
    beatSeconds: z.int(),
    publicKeys: z.array(z.record(z.string(), z.unknown())),
  })
  .meta({ id: 'NodeBeatAnswer' })
export type BeatAnswer = z.output<typeof BeatAnswer>
