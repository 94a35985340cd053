import { readdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseEnv } from 'node:util'
import type { z } from 'zod'
import { IDLE, KEYS } from './config-keys.ts'
import { checkRegional } from './regional.ts'

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

const SECRET_NAME = /TOKEN|SECRET|KEY|URL|PROVIDERS/

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
  if (config.SMTP_URL && config.SENDGRID_API_KEY) {
    wrong.push('SMTP_URL and SENDGRID_API_KEY exclude each other: set one of them')
  }
  wrong.push(...checkProviders(config))
  wrong.push(...checkRegions(config))
  for (const name of ['TLS_CERT_FILE', 'TLS_KEY_FILE'] as const) {
    if (config[name]) wrong.push(...unreadable(name, config[name], readFileSync))
  }
  if (config.TLS_CERT_DIR) {
    if (!config.TLS_CERT_FILE) wrong.push('TLS_CERT_DIR goes with TLS_CERT_FILE: set that too')
    wrong.push(...unreadable('TLS_CERT_DIR', config.TLS_CERT_DIR, readdirSync))
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

const CLIENTS = ['OAUTH_GOOGLE', 'OAUTH_MICROSOFT', 'OAUTH_GITHUB'] as const

/** Providers send people back to an address that they were told beforehand: it must be the one that people use. */
function checkProviders(config: Values): string[] {
  const wrong = CLIENTS.filter(
    (name) => !config[`${name}_CLIENT_ID`] !== !config[`${name}_CLIENT_SECRET`],
  ).map((name) => `${name}_CLIENT_ID and ${name}_CLIENT_SECRET go together: set both or neither`)
  const hasAny =
    CLIENTS.some((name) => config[`${name}_CLIENT_ID`]) || (config.OAUTH_PROVIDERS?.length ?? 0) > 0
  if (hasAny && !config.PUBLIC_URL && config.HOST && !isLoopback(config.HOST)) {
    wrong.push('PUBLIC_URL is needed for sign-in by providers: they send people back to it')
  }
  return wrong
}

function unreadable(name: string, path: string, read: (path: string) => unknown): string[] {
  try {
    read(path)
    return []
  } catch (error) {
    return [`${name} is '${path}': cannot be read (${(error as NodeJS.ErrnoException).code})`]
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
