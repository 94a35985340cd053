import { z } from 'zod'

export const Label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens')
  .meta({ description: 'By which an agent goes; the newest one with a label holds the tunnel' })

export const DEFAULT_LABEL = 'default'

const endpointUrl = z
  .string()
  .max(512)
  .transform((text, issue) => {
    const url = URL.parse(text)
    const isPlain = url && !url.username && !url.password && !url.search && !url.hash
    if (isPlain && isHttp(url)) return url.origin
    if (isPlain && isTcp(url)) return `tcp://${url.host}`
    issue.addIssue({
      code: 'custom',
      message:
        'must be the address of a service as its agent reaches it: http://127.0.0.1:3000, https://host, or tcp://127.0.0.1:5432',
    })
    return z.NEVER
  })
  .meta({ description: 'As its agent reaches it: `http://127.0.0.1:3000`, `tcp://127.0.0.1:5432`' })

function isHttp({ protocol, pathname, hostname }: URL): boolean {
  return (protocol === 'http:' || protocol === 'https:') && pathname === '/' && hostname !== ''
}

function isTcp({ protocol, pathname, hostname, port }: URL): boolean {
  return protocol === 'tcp:' && pathname === '' && hostname !== '' && port !== ''
}

const seconds = (to: number) => z.int().min(1).max(to)

export const HealthCheckInput = z
  .strictObject({
    kind: z.enum(['http', 'tcp']),
    path: z
      .string()
      .max(512)
      .regex(/^\/[\x21-\x7e]*$/, 'must be a path such as /health')
      .optional(),
    status: z
      .int()
      .min(100)
      .max(599)
      .optional()
      .meta({ description: 'Any below 500 is good unless given' }),
    intervalSeconds: seconds(3600).default(10),
    timeoutSeconds: seconds(60).default(5),
    failures: seconds(20).default(3).meta({ description: 'In a row, until it is unhealthy' }),
    successes: seconds(20).default(2).meta({ description: 'In a row, until it is healthy again' }),
  })
  .refine(({ kind, path, status }) => kind === 'http' || (!path && !status), {
    path: ['kind'],
    message: 'a TCP check has neither `path` nor `status`',
  })
  .meta({ id: 'TunnelHealthCheck' })

const priority = z.int().min(0).max(100)
const weight = z.int().min(0).max(100)

export const NewEndpoint = z
  .strictObject({
    url: endpointUrl,
    agent: Label.default(DEFAULT_LABEL),
    priority: priority.default(0).meta({ description: 'The lowest that is healthy is taken' }),
    weight: weight.default(1).meta({ description: 'Its share among those of one priority' }),
    healthCheck: HealthCheckInput.optional(),
  })
  .meta({ id: 'NewTunnelEndpoint' })
export type NewEndpoint = z.output<typeof NewEndpoint>

export const PatchEndpoint = z
  .strictObject({
    url: endpointUrl.optional(),
    agent: Label.optional(),
    priority: priority.optional(),
    weight: weight.optional(),
    healthCheck: HealthCheckInput.nullable().optional(),
  })
  .meta({ id: 'PatchTunnelEndpoint' })
export type PatchEndpoint = z.output<typeof PatchEndpoint>

export const TunnelEndpoint = z
  .strictObject({
    id: z.string().meta({ description: '`tep_…`' }),
    url: z.string(),
    agent: z.string(),
    priority: z.int(),
    weight: z.int(),
    healthCheck: z
      .strictObject({
        kind: z.enum(['http', 'tcp']),
        path: z.string().optional(),
        status: z.int().optional(),
        intervalSeconds: z.int(),
        timeoutSeconds: z.int(),
        failures: z.int(),
        successes: z.int(),
      })
      .optional(),
    healthStatus: z.enum(['healthy', 'unhealthy', 'unknown']),
    healthMessage: z.string().optional(),
    lastHealthCheck: z.iso.datetime().optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'TunnelEndpoint' })
export type TunnelEndpoint = z.output<typeof TunnelEndpoint>
