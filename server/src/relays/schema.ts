import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { BeatFacts, LogLine } from './relay-schema.ts'
import { DRAIN_REASONS, PROVIDERS, states } from './states.ts'

export const RelayId = z.string().regex(/^\w{1,64}$/)

const name = z.string().regex(/^[\w.-]{1,64}$/, 'must be of letters, digits, `.`, `_` and `-`')
const startable = z.enum(['local', 'ec2', 'kubernetes'])

const config = {
  maxConnections: z.int().min(1).max(1_000_000).default(10_000).meta({
    description: 'Requests, WebSockets and TCP connections at once; more are answered with 503',
  }),
  maxLinks: z.int().min(1).max(50_000).default(20_000).meta({
    description: 'Links of agents; more are sent to other relays',
  }),
}

export const RelayConfig = z.strictObject(config).meta({ id: 'RelayConfig' })
/** Members that are left out are as at first. */
export const PutRelayConfig = z.strictObject(config).meta({ id: 'PutRelayConfig' })
export type RelayConfig = z.output<typeof RelayConfig>

export const Relay = z
  .strictObject({
    id: z.string().meta({ description: '`rel_…`' }),
    name: z.string(),
    provider: z.enum(PROVIDERS).meta({
      description: '`builtin`: in a process of the control plane. `joined`: came by itself',
    }),
    status: z.enum(states.names),
    statusSince: z.iso.datetime(),
    healthStatus: z.enum(['healthy', 'unhealthy', 'unknown']),
    drainReason: z.enum(DRAIN_REASONS).optional().meta({
      description: '`stopping` and `surplus`: it ends once nothing is under way',
    }),
    drainUntil: z.iso.datetime().optional().meta({
      description: 'What is then still under way is cut',
    }),
    errorMessage: z.string().optional(),
    url: z.string().optional().meta({ description: 'Where agents dial it' }),
    instanceId: z.string().optional().meta({ description: 'The machine of the fleet' }),
    version: z.string().optional(),
    links: z.int(),
    tunnels: z.int(),
    connections: z
      .int()
      .meta({ description: 'Requests, WebSockets and TCP connections under way' }),
    config: RelayConfig,
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    lastBeatAt: z.iso.datetime().optional(),
    endedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Relay' })
export type Relay = z.output<typeof Relay>

export const RelayQuery = PageQuery.extend({
  status: z.enum(states.names).optional(),
  provider: z.enum(PROVIDERS).optional(),
})

export const CreateRelay = z
  .strictObject({ provider: startable.optional(), name: name.optional() })
  .meta({ id: 'CreateRelay' })

export const StartProxy = z
  .strictObject({
    relayId: RelayId.optional().meta({
      description: 'One that was stopped, or drains; without it a new one is started',
    }),
    provider: startable.optional(),
    name: name.optional(),
  })
  .meta({ id: 'StartProxy' })
export type StartProxy = z.output<typeof StartProxy>

const drain = z.boolean().default(true).meta({
  description: 'Lets what is under way end first, for 5 minutes at most',
})

export const StopProxy = z
  .strictObject({
    relayId: RelayId.optional().meta({ description: 'May be left out where there is one' }),
    drain,
  })
  .meta({ id: 'StopProxy' })
export type StopProxy = z.output<typeof StopProxy>

export const DrainQuery = z.strictObject({
  drain: z
    .enum(['true', 'false'])
    .default('true')
    .transform((word) => word === 'true')
    .meta({ description: 'Lets what is under way end first' }),
})

export const ProxyStatus = z
  .strictObject({
    status: z.enum(['running', 'degraded', 'stopped']).meta({
      description: '`degraded`: fewer relays run than there should be, or one has failed',
    }),
    relays: z.strictObject({
      starting: z.int(),
      running: z.int(),
      draining: z.int(),
      error: z.int(),
    }),
    links: z.int(),
    tunnels: z.int().meta({ description: 'With a link, each as often as relays have one of it' }),
    connections: z.int(),
  })
  .meta({ id: 'ProxyStatus' })
export type ProxyStatus = z.output<typeof ProxyStatus>

export const RelayStatus = z
  .strictObject({
    id: z.string(),
    status: z.enum(states.names),
    statusSince: z.iso.datetime(),
    healthStatus: z.enum(['healthy', 'unhealthy', 'unknown']),
    lastBeatAt: z.iso.datetime().optional(),
    secondsSinceBeat: z.number().optional(),
    facts: BeatFacts.optional().meta({ description: 'As the last beat told them' }),
    errorMessage: z.string().optional(),
  })
  .meta({ id: 'RelayStatus' })
export type RelayStatus = z.output<typeof RelayStatus>

export const RelayCheck = z.strictObject({
  check: z.string(),
  status: z.enum(['ok', 'warning', 'failing', 'unknown']),
  detail: z.string(),
  cure: z.string().optional().meta({ description: 'What to do about it' }),
})
export type RelayCheck = z.output<typeof RelayCheck>

export const RelayHealth = z
  .strictObject({
    id: z.string(),
    healthStatus: z.enum(['healthy', 'unhealthy', 'unknown']),
    checks: z.array(RelayCheck),
  })
  .meta({ id: 'RelayHealth' })
export type RelayHealth = z.output<typeof RelayHealth>

export const RelayDiagnostics = RelayHealth.extend({
  checkedAt: z.iso.datetime(),
  lines: z.array(LogLine).meta({ description: 'The last warnings and errors of its log' }),
}).meta({ id: 'RelayDiagnostics' })
export type RelayDiagnostics = z.output<typeof RelayDiagnostics>

const minutes = z.coerce.number().int().min(1).max(10_080)

export const MetricsQuery = z.strictObject({
  minutes: minutes.default(60).meta({ description: 'How far back; a week is kept' }),
})

export const RelayMetrics = z
  .strictObject({
    id: z.string(),
    items: z.array(
      z.strictObject({
        minute: z.iso.datetime(),
        cpu: z.number().meta({ description: 'The highest; 1 is all of one core' }),
        eventLoopDelayMs: z.number(),
        memoryMib: z.number(),
        links: z.int(),
        tunnels: z.int(),
        connections: z.int(),
        requests: z.int(),
        failures: z.int(),
        bytesIn: z.int(),
        bytesOut: z.int(),
      }),
    ),
  })
  .meta({ id: 'RelayMetrics' })
export type RelayMetrics = z.output<typeof RelayMetrics>

export const RelayUsage = z
  .strictObject({
    id: z.string(),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    requests: z.int(),
    failures: z.int(),
    bytesIn: z.int(),
    bytesOut: z.int(),
  })
  .meta({ id: 'RelayUsage' })
export type RelayUsage = z.output<typeof RelayUsage>

export const LogsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
})

export const RelayLogs = z
  .strictObject({ id: z.string(), items: z.array(LogLine) })
  .meta({ id: 'RelayLogs' })

const share = z.number().min(0).max(100)

const scaling = {
  enabled: z.boolean().default(false),
  provider: startable.default('local'),
  min: z.int().min(0).max(100).default(1),
  max: z.int().min(1).max(100).default(4),
  cpuHigh: share.default(0.7).meta({
    description: 'Of one core, the mean of all relays: above it one more is started',
  }),
  cpuLow: share.default(0.2),
  delayHighMs: z.number().min(1).max(10_000).default(100).meta({
    description: 'Of the event loop: above it one more is started, whatever the processors do',
  }),
  connectionsHigh: z.number().min(0.1).max(1).default(0.8).meta({
    description: 'Of `maxConnections`, on any relay',
  }),
  scaleOutCooldownSeconds: z.int().min(0).max(3_600).default(60),
  scaleInCooldownSeconds: z.int().min(0).max(3_600).default(600),
}

const redundancy = {
  relaysPerAgent: z.int().min(1).max(4).default(2).meta({
    description: 'Relays that each agent keeps a link to, where there are so many',
  }),
  minimumRelays: z.int().min(1).max(100).default(1).meta({
    description: 'Fewer are a reason to start some, by the provider of scaling',
  }),
}

const written = {
  version: z.int(),
  updatedAt: z.iso.datetime(),
  updatedBy: z.string().nullable(),
}
const rewritten = {
  version: z.int().optional(),
  updatedAt: z.iso.datetime().optional(),
  updatedBy: z.string().nullable().optional(),
}

const isInOrder = ({ min, max }: { min: number; max: number }) => min <= max
const inOrder = { path: ['min'], message: 'must be at most `max`' }
const isApart = ({ cpuLow, cpuHigh }: { cpuLow: number; cpuHigh: number }) => cpuLow < cpuHigh
const apart = { path: ['cpuLow'], message: 'must be below `cpuHigh`' }

export const ScalingSettings = z
  .strictObject(scaling)
  .refine(isInOrder, inOrder)
  .refine(isApart, apart)
export type ScalingSettings = z.output<typeof ScalingSettings>
export const Scaling = z.strictObject({ ...scaling, ...written }).meta({ id: 'RelayScaling' })
/** What was read may be written back; `version` guards against a change in between. */
export const PutScaling = z
  .strictObject({ ...scaling, ...rewritten })
  .refine(isInOrder, inOrder)
  .refine(isApart, apart)
  .meta({ id: 'PutRelayScaling' })

export const RedundancySettings = z.strictObject(redundancy)
export type RedundancySettings = z.output<typeof RedundancySettings>
export const Redundancy = z
  .strictObject({ ...redundancy, ...written })
  .meta({ id: 'RelayRedundancy' })
export const PutRedundancy = z
  .strictObject({ ...redundancy, ...rewritten })
  .meta({ id: 'PutRelayRedundancy' })
