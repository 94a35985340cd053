import { readFile } from 'node:fs/promises'
import type { AgentOptions, TunnelOptions } from '@gantry/sdk/tunnels'
import { Stop } from '../stop.ts'
import { readBasicAuth } from './options.ts'

export type FileOptions = Pick<AgentOptions, 'label' | 'insecure' | 'links'> & {
  tunnels: TunnelOptions[]
}

const TOP = ['label', 'insecure', 'links', 'tunnels']
const MEMBERS = ['name', 'http', 'tcp', 'hostHeader', 'basicAuth', 'allow']

/** Several tunnels, as JSON. @throws Stop that says what is wrong where */
export async function readTunnelFile(path: string): Promise<FileOptions> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Stop(`${path} cannot be read: ${error.message}`)
  })
  const wrong = (what: string) => new Stop(`${path}: ${what}`)
  const value = parse(text, wrong)
  known(value, TOP, 'the file', wrong)
  const { label, insecure, links, tunnels } = value
  if (label !== undefined && typeof label !== 'string') throw wrong('label must be a text')
  if (insecure !== undefined && typeof insecure !== 'boolean') {
    throw wrong('insecure must be true or false')
  }
  if (
    links !== undefined &&
    !(Number.isInteger(links) && Number(links) >= 1 && Number(links) <= 4)
  ) {
    throw wrong('links must be 1 to 4')
  }
  if (!Array.isArray(tunnels) || tunnels.length === 0) throw wrong('tunnels must be a list')
  return {
    ...(label !== undefined && { label }),
    ...(insecure !== undefined && { insecure }),
    ...(links !== undefined && { links: Number(links) }),
    tunnels: tunnels.map((one, at) => readTunnel(one, `tunnels[${at}]`, wrong)),
  }
}

type Wrong = (what: string) => Stop
type Members = Record<string, unknown>

function parse(text: string, wrong: Wrong): Members {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (error) {
    throw wrong(`it is not JSON: ${(error as Error).message}`)
  }
  throw wrong('it must hold one object')
}

function readTunnel(value: unknown, where: string, wrong: Wrong): TunnelOptions {
  if (!isObject(value)) throw wrong(`${where} must be an object`)
  known(value, MEMBERS, where, wrong)
  const { name, http, tcp, hostHeader, basicAuth, allow } = value
  const target = http ?? tcp
  if ((http === undefined) === (tcp === undefined)) {
    throw wrong(`${where} must have either http or tcp: the port or address of the service`)
  }
  if (typeof target !== 'string' && typeof target !== 'number') {
    throw wrong(`${where}.${http === undefined ? 'tcp' : 'http'} must be a port or an address`)
  }
  if (typeof name !== 'string') throw wrong(`${where}.name must be a text`)
  const isList = Array.isArray(allow) && allow.every((one) => typeof one === 'string')
  if (allow !== undefined && !isList) throw wrong(`${where}.allow must be a list of host:port`)
  return {
    ...{ kind: http === undefined ? 'tcp' : 'http', target, name },
    ...(typeof hostHeader === 'string' && { hostHeader }),
    ...(typeof basicAuth === 'string' && { basicAuth: readBasicAuth(basicAuth) }),
    ...(isList && { allow }),
  }
}

function known(value: Members, members: readonly string[], where: string, wrong: Wrong): void {
  const other = Object.keys(value).find((name) => !members.includes(name))
  if (other) throw wrong(`${where} has no member ${other}; there are ${members.join(', ')}`)
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
