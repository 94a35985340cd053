import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { parseAllow } from './addresses.ts'
import { checkRegional, readRegional } from './regional.ts'

/** One environment name: how it is read, and what the configuration reference says of it. */
interface Key<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly what: string
  /** As the reference shows the default; taken from the schema unless given. */
  readonly shown?: string
}

const key = <Schema extends z.ZodType>(
  schema: Schema,
  what: string,
  shown?: string,
): Key<Schema> => ({
  schema,
  what,
  ...(shown && { shown }),
})

const IDLE = 'Checked at start; no part of this version uses it.'

/** A name that other parts of a deployment set already, so that a wrong value is found now. */
const idle = <Schema extends z.ZodType>(schema: Schema, what: string) =>
  key(schema.optional(), `${what} ${IDLE}`)

const port = z.coerce.number().int().min(0).max(65_535)
const seconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to)
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)
const regions = list.pipe(
  z
    .array(
      z.string().regex(/^[a-z]{2,5}(-[a-z]+)+-\d{1,2}$/, 'must be regions such as eu-central-1'),
    )
    .refine((all) => new Set(all).size === all.length, 'names a region twice'),
)
/** A list of `value` or `region=value`. */
const regional = (pattern: RegExp, message: string) =>
  list
    .transform((items) => items.map(readRegional))
    .pipe(z.array(z.object({ region: z.string().optional(), value: z.string() })))
    .refine((entries) => entries.every(({ value }) => pattern.test(value)), message)
    .default([])
/** Tags that the fleet sets itself are not among them. */
const tags = list.transform((items, issue) => readTags(items, issue)).default({})
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''))
const origins = list.pipe(
  z.array(
    z
      .string()
      .refine(
        (text) => URL.parse(text)?.origin === text,
        'must be origins such as https://app.example',
      ),
  ),
)

export const ROLES = ['api', 'worker', 'node'] as const
export type Role = (typeof ROLES)[number]

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const logLevel = list.transform((items, issue) => readLevels(items, issue))

/** Every name that the product reads from the environment or `.env`. */
export const KEYS = {
  PORT: key(port.default(8700), 'Port of the API and the console. 0 takes any free one.'),
  HOST: key(
    z.string().min(1).default('127.0.0.1'),
    'Address to listen on. Beyond loopback, put TLS in front or set `TLS_CERT_FILE`.',
  ),
  PUBLIC_URL: key(
    httpUrl.optional(),
    'Address under which clients reach Gantry. Links and token issuers are built from it, never from a Host header.',
    '`http://HOST:PORT`',
  ),
  ROLES: key(
    list
      .pipe(z.array(z.enum(ROLES)).min(1))
      .default([...ROLES])
      .refine(
        (roles) => !roles.includes('node') || roles.includes('api') || roles.length === 1,
        '`node` runs beside `api`, or alone',
      ),
    'What this process does: `api` serves, `worker` runs jobs and follows events, `node` hosts browsers.',
    '`api,worker,node`',
  ),
  GANTRY_HOME: key(
    z.string().min(1).optional(),
    'Directory of all data: database, keys, objects, browsers, logs.',
    '`.gantry` in the checkout; as root, when other users cannot enter the checkout, a directory below `/var/lib/gantry`',
  ),
  DATABASE_URL: key(
    z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }).optional(),
    'External PostgreSQL, 15 or newer, signed in as the owner of the database. `?sslmode=require` or `verify-full` for TLS.',
    'the embedded server',
  ),
  DATABASE_POOL_SIZE: key(
    z.coerce.number().int().min(2).max(500).default(10),
    'Connections that one process keeps at most.',
  ),
  OBJECT_STORE_URL: key(
    z.url({ protocol: /^(file|s3)$/, error: 'must be a file: or s3: URL' }).optional(),
    'Where files are kept: `file:///path`, or `s3://bucket/prefix?region=…&endpoint=…`.',
    'local disk, in `GANTRY_HOME`',
  ),
  AWS_ACCESS_KEY_ID: key(
    z.string().min(1).optional(),
    'For an S3 object store; otherwise the chain of the AWS SDK decides.',
  ),
  AWS_SECRET_ACCESS_KEY: key(z.string().min(1).optional(), 'Goes with `AWS_ACCESS_KEY_ID`.'),
  AWS_REGION: key(
    z.string().min(1).optional(),
    'Region of an S3 object store whose URL names none.',
  ),
  S3_BUCKET_NAME: key(z.string().min(1).optional(), 'Short for `OBJECT_STORE_URL=s3://name`.'),
  TLS_CERT_FILE: key(
    z.string().min(1).optional(),
    'Certificate chain in PEM; the server then speaks HTTPS.',
  ),
  TLS_KEY_FILE: key(z.string().min(1).optional(), 'Key of `TLS_CERT_FILE` in PEM.'),
  TRUSTED_PROXIES: key(
    list
      .pipe(z.array(z.string().refine(isAddressRange, 'must be addresses or CIDR ranges')))
      .default([]),
    'Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
    'none',
  ),
  CORS_ORIGINS: key(
    origins.default([]),
    'Web origins whose pages may call the API. `CORS_ORIGIN` and `FRONTEND_URL` are added to it.',
    'none',
  ),
  CORS_ORIGIN: key(origins.default([]), 'Added to `CORS_ORIGINS`.', 'none'),
  FRONTEND_URL: key(httpUrl.optional(), 'Its origin is added to `CORS_ORIGINS`.'),
  SIGN_UP: key(
    z.enum(['open', 'invite', 'closed']).default('open'),
    'Who may register: anyone, only the invited, nobody.',
  ),
  REFRESH_TOKEN_EXPIRY: key(
    z
      .string()
      .regex(/^\d{1,3}d$/, 'must be days such as 14d')
      .default('14d'),
    'A sign-in that is not used for this long ends; 30 days after it began it ends in any case.',
  ),
  CHROMIUM_PATH: key(
    z.string().min(1).optional(),
    'The browser to run.',
    'a system Chrome or Chromium, else the one carried by npm',
  ),
  CHROMIUM_SANDBOX: key(
    z.enum(['on', 'off', 'auto']).default('auto'),
    '`auto` goes on without Chromium’s sandbox only where the kernel refuses it and the server is bound to loopback.',
  ),
  WARM_BROWSERS: key(
    z.coerce.number().int().min(0).max(100).default(2),
    'Browsers that are kept ready to be claimed. Each takes about 200 MiB.',
  ),
  MAX_SESSIONS: key(
    z.coerce.number().int().min(1).max(10_000).default(20),
    'Browsers that this machine runs at once.',
  ),
  SESSION_MEMORY_MB: key(
    z.coerce.number().int().min(256).max(1_048_576).default(2048),
    'Memory in MiB that the browser of one session may take; one that takes more is ended, and its session with the reason `memory`.',
  ),
  SESSION_DISK_MB: key(
    z.coerce.number().int().min(32).max(1_048_576).default(2048),
    'Disk in MiB that one session may take, downloads and uploads among it; one that takes more ends with the reason `disk`.',
  ),
  EC2_REGION: key(
    z.string().min(1).optional(),
    'Region of the machines that the fleet launches.',
    '`AWS_REGION`',
  ),
  EC2_REGIONS: key(
    regions.default([]),
    'Several regions instead, the usual one first. What exists in one region only is then written `region=value`, in the four names below.',
    '`EC2_REGION`',
  ),
  EC2_ENDPOINT: key(httpUrl.optional(), 'Of an EC2 emulator, or a private endpoint.'),
  EC2_AMI: key(
    regional(/^ami-[0-9a-z]+$/, 'must be `ami-…`, or `region=ami-…` for each region'),
    'Image of the machines that the fleet launches; without it and `EC2_LAUNCH_TEMPLATE` it launches none.',
    'none',
  ),
  EC2_LAUNCH_TEMPLATE: key(
    regional(/^[\w()./-]+(:[\w$]+)?$/, 'must be an id or a name, `:version` may follow'),
    'Launch template, by id or name, with `:version` behind it if wanted. A name may hold in every region.',
    'none',
  ),
  EC2_INSTANCE_TYPES: key(list.default([]), 'Instance types in the order of preference.', 'none'),
  EC2_SUBNETS: key(
    regional(/^subnet-\w+$/, 'must be `subnet-…`'),
    'Subnets in the order of preference.',
    'EC2’s choice',
  ),
  EC2_SECURITY_GROUPS: key(
    regional(/^sg-\w+$/, 'must be `sg-…`'),
    'Security groups of the machines.',
    'none',
  ),
  EC2_TAGS: key(tags, 'Tags of every machine: `team=search,cost center=web`; 10 at most.', 'none'),
  EC2_INSTANCE_PROFILE: key(
    z.string().min(1).optional(),
    'Instance profile of the machines, by name or ARN.',
  ),
  KUBERNETES_NAMESPACE: key(
    z.string().min(1).default('default'),
    'Where the Deployment of nodes is.',
  ),
  KUBERNETES_DEPLOYMENT: key(
    z.string().min(1).optional(),
    'Deployment whose pods are nodes; it carries the label `gantry.dev/pool=true`.',
  ),
  LOCAL_NODES: key(
    z.enum(['on', 'off']).default('on'),
    'Whether the fleet may start more node processes on this machine.',
  ),
  CONTROL_PLANE_URL: key(
    httpUrl.optional(),
    'Of a process with the role `node` alone: the API that it works for.',
  ),
  JOIN_TOKEN: key(
    z.string().min(16).optional(),
    'With which a node joins for the first time; made by `POST /v1/fleet/join-tokens`.',
  ),
  POD_NAME: key(
    z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'must be the name of a pod')
      .optional(),
    'Of a node in a pod of the fleet’s Deployment: the name of the pod.',
  ),
  INSTANCE_ID: key(
    z.string().startsWith('ins_').optional(),
    'Of a node on a machine that Gantry has launched: the machine.',
  ),
  NODE_PORT: key(port.default(8701), 'Where a node listens for its API, with TLS.'),
  ADVERTISE_URL: key(
    httpUrl.optional(),
    'Where its API reaches a node.',
    '`https://HOST:NODE_PORT`, by the machine’s name where `HOST` is every address',
  ),
  SPOT_NOTICES: key(
    z.stringbool().default(false),
    'Whether a node asks EC2 if its spot machine is to be taken back, and then drains.',
  ),
  EGRESS_ALLOW: key(
    z.string().default('').transform(readAllow),
    'Private addresses that browsers and outgoing calls may reach all the same: `10.0.0.0/8`, `127.0.0.1:3000`, `intranet.example`.',
    'none',
  ),
  METRICS_ALLOW: key(
    list
      .pipe(z.array(z.string().refine(isAddressRange, 'must be addresses or CIDR ranges')))
      .default([]),
    'Addresses that may read `/metrics`, beside loopback.',
    'none',
  ),
  METRICS_TOKEN: key(
    z.string().min(16).optional(),
    'Whoever sends it as a bearer token may read `/metrics`.',
  ),
  REQUEST_TIMEOUT_SECONDS: key(
    seconds(1, 600).default(30),
    'Longest time for an answer. Streams and browser commands have their own.',
  ),
  SHUTDOWN_SECONDS: key(
    seconds(1, 600).default(30),
    'Time for what is in flight when the process is asked to stop.',
  ),
  LOG_LEVEL: key(
    logLevel.prefault('info'),
    'Lowest level that is logged, and per category: `info,http:warn,jobs:debug`.',
    '`info`',
  ),
  LOG_FORMAT: key(
    z.enum(['auto', 'json', 'pretty']).default('auto'),
    'Console lines: `pretty` for people, `json` for collectors; `auto` looks whether a terminal is there.',
  ),
  LOG_FILES: key(
    z.enum(['on', 'off']).default('on'),
    '`combined.log` and `error.log` in `GANTRY_HOME/logs`, rotated at 20 MB.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: key(
    httpUrl.optional(),
    'OpenTelemetry collector (OTLP over HTTP). Tracing is off without it.',
    'off',
  ),
  OTEL_TRACES_SAMPLER_ARG: key(
    z.coerce.number().min(0).max(1).default(0.1),
    'Share of requests that are traced.',
  ),
  NODE_ENV: key(z.string().default('production'), 'Shown in health; nothing else depends on it.'),
  API_VERSION: key(z.enum(['v1']).default('v1'), 'Version of the API; there is one.'),
  REDIS_URL: idle(
    z.url({ protocol: /^(redis|valkey)s?$/, error: 'must be a redis:// URL' }),
    'Valkey or Redis.',
  ),
  TUNNEL_DOMAIN: idle(
    z.hostname({ error: 'must be a host name' }),
    'Parent domain of public hostnames.',
  ),
  SENTRY_DSN: idle(httpUrl, 'Where errors are reported to.'),
  EMAIL_FROM: idle(z.string().min(3), 'Sender of mail.'),
  SENDGRID_API_KEY: idle(z.string().min(1), 'Key of a mail provider.'),
  STRIPE_SECRET: idle(z.string().min(1), 'Key of a payment provider.'),
  STRIPE_WEBHOOK_SECRET: idle(z.string().min(1), 'Signing secret of a payment provider.'),
} as const

type Keys = typeof KEYS
type Values = { -readonly [Name in keyof Keys]: z.output<Keys[Name]['schema']> }

/** The validated environment, frozen. */
export type Config = Readonly<Values> & {
  /** Whether only this machine can reach the server. */
  readonly loopbackOnly: boolean
}

/** Read, but without any effect: a note at start says so. */
const UNUSED: Record<string, string> = {
  JWT_SECRET: 'tokens are signed with EdDSA keys that Gantry makes itself',
  JWT_REFRESH_SECRET: 'refresh tokens are random and stored as hashes',
}

export class ConfigError extends Error {
  constructor(lines: string[]) {
    super(
      `The configuration has ${lines.length === 1 ? 'a wrong value' : `${lines.length} wrong values`}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    )
    this.name = 'ConfigError'
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** The process's environment over the lines of an `.env` file; an empty value counts as unset. */
export function readEnvironment(env: Environment, envFile: string): Environment {
  let file: Record<string, string | undefined> = {}
  try {
    file = parseEnv(readFileSync(envFile, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const merged = Object.entries({ ...file, ...env })
  return Object.fromEntries(merged.filter(([, value]) => value !== undefined && value !== ''))
}

/** @throws ConfigError that lists every wrong value at once */
export function loadConfig(env: Environment): Config {
  const wrong: string[] = []
  const values = Object.entries(KEYS).map(([name, { schema }]) => {
    const result = (schema as z.ZodType).safeParse(env[name])
    if (!result.success)
      wrong.push(...result.error.issues.map((issue) => wrongLine(name, env, issue)))
    return [name, result.success ? result.data : undefined] as const
  })
  const config = Object.fromEntries(values) as unknown as Values
  wrong.push(...checkTogether(config))
  if (wrong.length > 0) throw new ConfigError(wrong)
  return Object.freeze({ ...config, loopbackOnly: isLoopback(config.HOST) })
}

/** Names that are set but have no effect, with the reason. */
export function unusedNames(env: Environment): string[] {
  const idle = Object.entries(KEYS).filter(([, { what }]) => what.endsWith(IDLE))
  const reasons = [
    ...Object.entries(UNUSED),
    ...idle.map(([name]) => [name, 'no part of this version uses it'] as const),
  ]
  return reasons
    .filter(([name]) => env[name] !== undefined)
    .map(([name, why]) => `${name} is not used: ${why}`)
}

const SECRET_NAME = /TOKEN|SECRET|KEY|URL/

function wrongLine(name: string, env: Environment, issue: z.core.$ZodIssue): string {
  const value = env[name] ?? ''
  const shown = SECRET_NAME.test(name) ? '' : ` is '${value.slice(0, 80)}'`
  return `${name}${shown}: ${issue.message}`
}

function checkTogether(config: Values): string[] {
  const wrong: string[] = []
  if (!config.TLS_CERT_FILE !== !config.TLS_KEY_FILE) {
    wrong.push('TLS_CERT_FILE and TLS_KEY_FILE go together: set both or neither')
  }
  if (!config.AWS_ACCESS_KEY_ID !== !config.AWS_SECRET_ACCESS_KEY) {
    wrong.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: set both or neither')
  }
  wrong.push(...checkRegions(config))
  for (const name of ['TLS_CERT_FILE', 'TLS_KEY_FILE'] as const) {
    if (config[name]) wrong.push(...unreadable(name, config[name]))
  }
  return wrong
}

/** Where the fleet launches machines on EC2, the usual region first. */
export function ec2Regions(config: Pick<Values, 'EC2_REGIONS' | 'EC2_REGION' | 'AWS_REGION'>) {
  const one = config.EC2_REGION ?? config.AWS_REGION
  return config.EC2_REGIONS.length > 0 ? config.EC2_REGIONS : one ? [one] : []
}

/** What was wrong by itself is undefined here, and has been named already. */
function checkRegions(config: Values): string[] {
  const { EC2_AMI, EC2_LAUNCH_TEMPLATE, EC2_SUBNETS, EC2_SECURITY_GROUPS } = config
  const settings = { EC2_AMI, EC2_LAUNCH_TEMPLATE, EC2_SUBNETS, EC2_SECURITY_GROUPS }
  if (Object.values({ ...settings, regions: config.EC2_REGIONS }).some((one) => !one)) return []
  if (config.EC2_REGIONS.length > 0 && config.EC2_REGION) {
    return ['EC2_REGION and EC2_REGIONS exclude each other: set one of them']
  }
  return checkRegional(settings, ec2Regions(config))
}

function unreadable(name: string, path: string): string[] {
  try {
    readFileSync(path)
    return []
  } catch (error) {
    return [`${name} is '${path}': cannot be read (${(error as NodeJS.ErrnoException).code})`]
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (!family || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

const MOST_TAGS = 10
const TAG = /^([\w +.:/@-]{1,128})=([\w +=.:/@-]{0,256})$/

function readTags(items: string[], issue: z.RefinementCtx): Record<string, string> {
  const refuse = (message: string) => {
    issue.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const found = items.map((item) => TAG.exec(item))
  if (found.includes(null)) return refuse('must be key=value, of letters, digits and _ .:/=+-@')
  const pairs = found.map((match) => [match![1]!.trim(), match![2]!] as const)
  const own = pairs.find(([key]) => key === 'Name' || key === '' || /^(aws|gantry):/i.test(key))
  if (own) return refuse(`the key '${own[0]}' is reserved`)
  const tags = Object.fromEntries(pairs)
  if (Object.keys(tags).length < pairs.length) return refuse('names a key twice')
  return pairs.length > MOST_TAGS ? refuse(`has more than ${MOST_TAGS} tags`) : tags
}

/** The entries as `openAddressGuard` takes them; `parseAllow` says what is wrong with one. */
function readAllow(text: string, issue: z.RefinementCtx): string[] {
  try {
    parseAllow(text)
    return text.split(/[\s,]+/).filter(Boolean)
  } catch (error) {
    issue.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

function readLevels(items: string[], issue: z.RefinementCtx) {
  const byCategory: Record<string, string> = {}
  let standard = 'info'
  for (const item of items) {
    const [name = '', level] = item.split(':')
    const wanted = level ?? name
    if (!LEVELS.includes(wanted as never)) {
      issue.addIssue({
        code: 'custom',
        message: `'${item}' is no level; take ${LEVELS.join(', ')}, or category:level`,
      })
    } else if (level === undefined) standard = wanted
    else byCategory[name] = wanted
  }
  return { default: standard, byCategory }
}
