import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { PROVIDERS } from './providers/provider.ts'
import { DRAIN_REASONS, states } from './states.ts'

/** Ours or the provider's; what PostgreSQL's text cannot hold is not among them. */
export const AnyId = z
  .string()
  .regex(/^[\w.:-]{1,128}$/)
  .meta({ description: 'Our id (`ins_…`) or the provider’s' })

const health = z.enum(['healthy', 'unhealthy'])
const tagText = z.string().regex(/^[\w +=.:/@-]*$/)

export const Tags = z
  .record(
    tagText
      .min(1)
      .max(128)
      .refine((key) => !/^(aws|gantry):/i.test(key) && key !== 'Name', 'is reserved'),
    tagText.max(256),
  )
  // EC2 takes 50: there are four of ours, and up to ten of EC2_TAGS.
  .refine((tags) => Object.keys(tags).length <= 36, 'at most 36 tags')

export const Instance = z
  .strictObject({
    id: z.string().meta({ description: '`ins_…`' }),
    instanceId: z
      .string()
      .optional()
      .meta({ description: 'The provider’s id; absent until it has made the machine' }),
    provider: z.enum(PROVIDERS),
    purpose: z.enum(['pool', 'manual', 'relay']).meta({
      description: '`relay`: it carries tunnels, and hosts no browsers',
    }),
    builtin: z.boolean().meta({ description: 'The machine of a control plane itself' }),
    managed: z.boolean().meta({ description: 'False for one that has joined by itself' }),
    region: z.string().optional(),
    status: z.enum(states.names),
    publicDnsName: z.string().optional(),
    publicIpAddress: z.string().optional(),
    privateIpAddress: z.string().optional(),
    launchTime: z.iso.datetime(),
    lastActivityTime: z.iso.datetime(),
    instanceType: z.string().optional(),
    spot: z.boolean(),
    tags: z.record(z.string(), z.string()),
    healthStatus: health.optional().meta({
      description: 'Of the machine and its node together; absent until the node has joined',
    }),
    errorMessage: z.string().optional(),
    assignedToUserId: z.string().optional(),
    terminateAfterIdleMinutes: z.int().optional(),
    sessions: z.int(),
    capacity: z.int(),
    endTime: z.iso.datetime().optional(),
  })
  .meta({ id: 'Instance' })
export type Instance = z.output<typeof Instance>

const where = {
  region: z
    .string()
    .regex(/^[a-z0-9-]{2,32}$/)
    .optional()
    .meta({ description: 'One of those that are set up; the first of them unless given' }),
  instanceType: z
    .string()
    .regex(/^[a-z0-9.-]{2,32}$/)
    .optional(),
}

const launchable = {
  ...where,
  spot: z.boolean().optional().meta({ description: 'May be taken back by the provider, for less' }),
  tags: Tags.optional(),
  assignedToUserId: z
    .string()
    .regex(/^\w{1,64}$/)
    .optional()
    .meta({
      description: 'Only sessions of this user are placed on it',
    }),
  terminateWhenIdle: z.boolean().optional(),
  idleTimeoutMinutes: z.int().min(1).max(10_080).optional().meta({
    description: 'With `terminateWhenIdle`; 30 unless given',
  }),
}

export const DrainQuery = z.strictObject({
  drain: z
    .enum(['true', 'false'])
    .default('false')
    .transform((word) => word === 'true')
    .meta({ description: 'Lets its sessions end first' }),
})

export const LaunchEc2 = z.strictObject(launchable).meta({ id: 'LaunchEc2Instance' })
export const LaunchInstance = z
  .strictObject({ provider: z.enum(PROVIDERS).optional(), ...launchable })
  .meta({ id: 'LaunchInstance' })
export type LaunchInstance = z.output<typeof LaunchInstance>

export const InstanceQuery = PageQuery.extend({
  status: z.enum(states.names).optional(),
  provider: z.enum(PROVIDERS).optional(),
  assignedToUserId: z.string().min(1).max(64).regex(/^\w+$/).optional(),
})
export type InstanceQuery = z.output<typeof InstanceQuery>
export const Ec2Query = InstanceQuery.omit({ provider: true })

export const Node = z
  .strictObject({
    id: z.string().meta({ description: '`nod_…`' }),
    instanceId: z.string().meta({ description: '`ins_…`' }),
    status: z.enum(['ready', 'draining', 'gone', 'left']).meta({
      description: '`gone`: it was silent for 30 seconds. `left`: it said that it goes',
    }),
    drainReason: z.enum(DRAIN_REASONS).optional(),
    url: z.string().optional(),
    fingerprint: z.string().optional(),
    version: z.string(),
    capacity: z.int(),
    sessions: z.int(),
    free: z.int().meta({ description: 'Places that a new session may take; 0 unless it is ready' }),
    diskFull: z.boolean().meta({ description: 'It has too little disk for another session' }),
    joinedAt: z.iso.datetime(),
    lastBeatAt: z.iso.datetime(),
  })
  .meta({ id: 'FleetNode' })
export type Node = z.output<typeof Node>

export const InstanceStatus = z
  .strictObject({
    id: z.string(),
    instanceId: z.string().optional(),
    status: z.enum(states.names),
    healthStatus: health.optional(),
    providerStatus: z
      .string()
      .optional()
      .meta({ description: 'The provider’s word now; absent when it could not be asked' }),
    providerHealth: health.optional(),
    node: Node.optional(),
    errorMessage: z.string().optional(),
    checkedAt: z.iso.datetime(),
  })
  .meta({ id: 'InstanceStatus' })
export type InstanceStatus = z.output<typeof InstanceStatus>

const seconds = (from: number, to: number) => z.int().min(from).max(to)

const pool = {
  provider: z.enum(PROVIDERS).default('ec2'),
  min: z.int().min(0).max(1000).default(0),
  max: z.int().min(0).max(1000).default(0).meta({ description: '0: the pool is left as it is' }),
  spare: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .meta({ description: 'Machines kept free beyond the need' }),
  spot: z.boolean().default(false),
  ...where,
  queueSeconds: seconds(0, 600).default(5).meta({
    description: 'A queue counts once its first session has waited that long',
  }),
  scaleOutCooldownSeconds: seconds(0, 3600).default(60),
  scaleInCooldownSeconds: seconds(0, 3600).default(300),
  idleMinutes: z.int().min(1).max(1440).default(10).meta({
    description: 'A machine without sessions for that long may go',
  }),
  bootMinutes: z.int().min(1).max(60).default(10).meta({
    description: 'A machine whose node has not joined by then is replaced',
  }),
}

export const PoolSettings = z
  .strictObject(pool)
  .refine(({ min, max }) => min <= max, { path: ['min'], message: 'must be at most `max`' })
export type PoolSettings = z.output<typeof PoolSettings>

const machines = z.strictObject({
  provisioning: z.int(),
  ready: z.int(),
  draining: z.int(),
  unhealthy: z.int(),
  stopping: z.int(),
})

const readOnly = {
  version: z.int(),
  updatedAt: z.iso.datetime(),
  updatedBy: z.string().nullable(),
  machines,
}

export const Pool = z.strictObject({ ...pool, ...readOnly }).meta({ id: 'FleetPool' })
export type Pool = z.output<typeof Pool>

/** What was read may be written back; `version` guards against a change in between. */
export const PutPool = z
  .strictObject({
    ...pool,
    version: z.int().optional(),
    updatedAt: z.iso.datetime().optional(),
    updatedBy: z.string().nullable().optional(),
    machines: machines.optional(),
  })
  .refine(({ min, max }) => min <= max, { path: ['min'], message: 'must be at most `max`' })
  .meta({ id: 'PutFleetPool' })
export type PutPool = z.output<typeof PutPool>

export const JoinToken = z
  .strictObject({
    id: z.string().meta({ description: '`jtk_…`' }),
    name: z.string(),
    multiUse: z.boolean(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    usedAt: z.iso.datetime().optional(),
    token: z.string().optional().meta({ description: 'Shown once, when it is made' }),
  })
  .meta({ id: 'JoinToken' })
export type JoinToken = z.output<typeof JoinToken>

export const CreateJoinToken = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .regex(/^[^\x00-\x1f\x7f-\x9f]*$/, 'must hold no control characters'),
    multiUse: z.boolean().default(false),
    expiresInMinutes: z.int().min(1).max(525_600).default(60),
  })
  .meta({ id: 'CreateJoinToken' })
export type CreateJoinToken = z.output<typeof CreateJoinToken>
