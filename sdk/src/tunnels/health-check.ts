import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import type { Address } from './address.ts'
import { dialService, localLookup } from './dial-service.ts'
import { http } from './node-http.ts'

export interface HealthCheck {
  kind: 'http' | 'tcp'
  path?: string
  status?: number
  intervalSeconds: number
  timeoutSeconds: number
  failures: number
  successes: number
}

/** What a relay asks for; undefined for what is no check. */
export function readHealthCheck(value: unknown): HealthCheck | undefined {
  const check = value as HealthCheck | null | undefined
  const counts = [
    ...[check?.intervalSeconds, check?.timeoutSeconds],
    ...[check?.failures, check?.successes],
  ]
  const isCheck = check?.kind === 'tcp' || check?.kind === 'http'
  return isCheck && counts.every((count) => count! > 0) ? check : undefined
}

export interface EndpointHealth {
  endpointId: string
  status: 'healthy' | 'unhealthy'
  /** What is wrong. */
  message?: string
}

export interface CheckedService extends Address {
  secure: boolean
  insecure: boolean
}

// Not the ones of the whole process, which may lead through a proxy.
const agents = { http: new http.Agent(), https: new HttpsAgent() }

/** Asks the service once; undefined when it is well, else what is wrong. */
export async function ask(
  service: CheckedService,
  check: HealthCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  const late = AbortSignal.timeout(check.timeoutSeconds * 1000)
  try {
    if (check.kind === 'tcp') await connectOnce(service, check, signal)
    else return judge(await get(service, check, AbortSignal.any([signal, late])), check)
    return undefined
  } catch (error) {
    if (late.aborted) return `nothing answered in ${check.timeoutSeconds} s`
    const first = error instanceof AggregateError ? (error.errors[0] as Error) : (error as Error)
    return first.message
  }
}

function judge(status: number, check: HealthCheck): string | undefined {
  const isWell = check.status === undefined ? status < 500 : status === check.status
  return isWell ? undefined : `it answered ${status}`
}

async function connectOnce(
  service: CheckedService,
  { timeoutSeconds }: HealthCheck,
  signal: AbortSignal,
): Promise<void> {
  const socket = await dialService({ ...service, deadlineMs: timeoutSeconds * 1000, signal })
  socket.on('error', () => {})
  socket.destroy()
}

function get(service: CheckedService, check: HealthCheck, signal: AbortSignal): Promise<number> {
  const { host, port, secure, insecure } = service
  return new Promise((resolve, reject) => {
    const request = (secure ? requestHttps : http.request)({
      ...{ host, port, path: check.path ?? '/', signal, rejectUnauthorized: !insecure },
      ...{ agent: secure ? agents.https : agents.http, ...localLookup(host) },
      headers: { 'user-agent': 'gantry-tunnel health check', connection: 'close' },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      response.on('error', () => {})
      response.destroy()
      resolve(response.statusCode!)
    })
    request.end()
  })
}
