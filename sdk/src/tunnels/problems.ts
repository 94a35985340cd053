import { GantryError } from '../error.ts'

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
export function reasonOf(error: Error): string {
  if (!(error instanceof TypeError) || error.message !== 'fetch failed') return error.message
  const { message, code } = (error.cause ?? {}) as Partial<NodeJS.ErrnoException>
  return `Gantry does not answer (${message || code || 'no reason is known'})`
}
