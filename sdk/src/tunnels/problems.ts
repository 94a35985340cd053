import { GantryError } from '../error.ts'
import { type Environment, portOf } from './proxy.ts'

/** A tunnel that this agent may not hold open any more: a newer one holds it, or it was stopped or deleted. */
export class TunnelLost extends Error {
  readonly tunnel: string
  /** Such as `tunnel.taken_over`, `tunnel.stopped`, `tunnel.not_found`. */
  readonly code: string

  constructor(tunnel: string, code: string, detail: string) {
    super(`${code}: ${detail}`)
    this.name = 'TunnelLost'
    this.tunnel = tunnel
    this.code = code
  }
}

/** No relay could be reached, by an agent that was asked not to try on. */
export class NoConnection extends Error {
  constructor(cause: Error) {
    super(`no relay could be reached: ${reasonOf(cause)}`, { cause })
    this.name = 'NoConnection'
  }
}

/** What another attempt may cure: the network, a server that starts, a limit. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof GantryError)) return !(error instanceof TypeError) || isOfFetch(error)
  return error.status >= 500 || [408, 425, 429].includes(error.status)
}

function isOfFetch(error: TypeError): boolean {
  return error.cause !== undefined || error.message === 'fetch failed'
}

/** What an attempt failed of, for a person: `fetch` alone would only say that it did. */
export function reasonOf(error: Error, env: Environment = process.env): string {
  if (!(error instanceof TypeError) || error.message !== 'fetch failed') return error.message
  const answer = proxyAnswer(error)
  if (answer !== undefined) return `the proxy answered ${answer} to CONNECT${ADVICE[answer] ?? ''}`
  const cause = (error.cause ?? {}) as Partial<FailedDial>
  const why = cause.message || cause.code || 'no reason is known'
  return `${isOfProxy(cause, env) ? 'the proxy' : 'Gantry'} does not answer (${why})`
}

type FailedDial = NodeJS.ErrnoException & { port: number; hostname: string }

const ADVICE: Readonly<Record<string, string>> = {
  403: ': ask whoever runs it to let you through to Gantry',
  407: ': HTTPS_PROXY lacks the right credentials, as in http://user:password@proxy:3128',
}

/** Node hides it two causes deep, behind “Request was cancelled.” */
function proxyAnswer(error: Error): string | undefined {
  let cause: unknown = error.cause
  for (let depth = 0; depth < 4 && cause instanceof Error; depth++) {
    const status = /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1]
    if (status !== undefined) return status
    cause = cause.cause
  }
  return undefined
}

/** Whether it was the proxy of the environment that could not be reached. */
function isOfProxy({ hostname, port }: Partial<FailedDial>, env: Environment): boolean {
  return PROXIES.flatMap((name) => URL.parse(env[name] ?? '') ?? []).some(
    (proxy) => proxy.hostname === hostname || portOf(proxy) === String(port),
  )
}

const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY']
