/** Why a session's browser may not go somewhere. */
export type RefusalReason =
  | 'private'
  | 'denied'
  | 'not_allowed'
  | 'unclaimed'
  | 'reserved'
  | 'tunnel_secure'
  | 'tunnel_port'

/** Why it did not get there although it may: of the destination, or of the session's own proxy. */
export type FailureReason =
  | 'name_not_resolved'
  | 'connection_refused'
  | 'connection_reset'
  | 'connection_closed'
  | 'timeout'
  | 'unreachable'
  | 'upstream_not_allowed'
  | 'upstream_timeout'
  | 'upstream_refused'
  | 'upstream_unreachable'
  | 'upstream_tls'
  | 'upstream_credentials'
  | 'tunnel_offline'
  | 'tunnel_unreachable'

interface Kind {
  status: number
  /** As RFC 9209 calls it. */
  token: string
  title: string
  /** `{host}` and `{detail}` are filled in. */
  text: string
}

const NOT_ALLOWED = { status: 403, title: 'Destination not allowed' }
const NO_PAGE = 'The page could not be reached'
const NO_TUNNEL = 'The tunnel could not be reached'
const NO_PROXY = "The session's proxy failed"

const KINDS: Record<RefusalReason | FailureReason, Kind> = {
  private: {
    ...{ ...NOT_ALLOWED, token: 'destination_ip_prohibited' },
    text: 'This browser may not reach {host}: it is not a public address. Whoever runs this Gantry can allow it by naming it in EGRESS_ALLOW.',
  },
  reserved: {
    ...{ ...NOT_ALLOWED, token: 'destination_ip_prohibited' },
    text: 'This browser may not reach {host}: that port of this machine is never open to pages.',
  },
  denied: {
    ...{ ...NOT_ALLOWED, token: 'http_request_denied' },
    text: 'This browser may not reach {host}: the rules of its session deny it.',
  },
  not_allowed: {
    ...{ ...NOT_ALLOWED, token: 'http_request_denied' },
    text: 'This browser may not reach {host}: the rules of its session allow other hosts only.',
  },
  unclaimed: {
    ...{ ...NOT_ALLOWED, token: 'http_request_denied' },
    text: 'This browser may not reach {host}: it belongs to no session yet.',
  },
  tunnel_secure: {
    ...{ ...NOT_ALLOWED, token: 'http_request_denied' },
    text: 'This browser reaches the tunnel {host} by http:// and ws:// only, without a certificate: nothing on the way is open to others. Use http://{host}/.',
  },
  tunnel_port: {
    ...{ ...NOT_ALLOWED, token: 'http_request_denied' },
    text: 'This browser reaches the tunnel {host} on port 80 only. Use http://{host}/: the tunnel leads to whatever port its agent serves.',
  },
  name_not_resolved: {
    ...{ status: 593, token: 'dns_error', title: NO_PAGE },
    text: 'The name {host} could not be resolved.',
  },
  connection_refused: {
    ...{ status: 594, token: 'connection_refused', title: NO_PAGE },
    text: '{host} refused the connection.',
  },
  connection_reset: {
    ...{ status: 595, token: 'connection_terminated', title: NO_PAGE },
    text: '{host} broke the connection off.',
  },
  connection_closed: {
    ...{ status: 596, token: 'connection_terminated', title: NO_PAGE },
    text: '{host} closed the connection without an answer.',
  },
  timeout: {
    ...{ status: 598, token: 'connection_timeout', title: NO_PAGE },
    text: '{host} did not take the connection in time.',
  },
  unreachable: {
    ...{ status: 599, token: 'destination_unavailable', title: NO_PAGE },
    text: '{host} could not be reached{detail}.',
  },
  tunnel_offline: {
    ...{ status: 586, token: 'destination_unavailable', title: NO_TUNNEL },
    text: 'Nobody holds the tunnel {host} open. Start its agent: gantry tunnel.',
  },
  tunnel_unreachable: {
    ...{ status: 587, token: 'destination_unavailable', title: NO_TUNNEL },
    text: 'The tunnel {host} could not be reached{detail}.',
  },
  upstream_not_allowed: {
    ...{ status: 588, token: 'proxy_configuration_error', title: NO_PROXY },
    text: "{host} was not reached: the session's proxy is not at a public address.",
  },
  upstream_timeout: {
    ...{ status: 589, token: 'connection_timeout', title: NO_PROXY },
    text: "{host} was not reached: the session's proxy did not answer in time.",
  },
  upstream_refused: {
    ...{ status: 590, token: 'http_request_denied', title: NO_PROXY },
    text: "{host} was not reached: the session's proxy did not open the connection{detail}.",
  },
  upstream_unreachable: {
    ...{ status: 591, token: 'destination_unavailable', title: NO_PROXY },
    text: "{host} was not reached: the session's proxy could not be reached{detail}.",
  },
  upstream_tls: {
    ...{ status: 592, token: 'tls_certificate_error', title: NO_PROXY },
    text: "{host} was not reached: the connection to the session's proxy is not secure{detail}.",
  },
  upstream_credentials: {
    ...{ status: 597, token: 'proxy_configuration_error', title: NO_PROXY },
    text: "{host} was not reached: the session's proxy refused its credentials.",
  },
}

/** A destination that was not opened. The message may be shown to anybody: it holds no address and no credentials. */
export class EgressFailure extends Error {
  readonly reason: RefusalReason | FailureReason
  readonly #detail: string

  /** `detail`: a word of the system or the proxy, such as `ECONNRESET`. */
  constructor(reason: RefusalReason | FailureReason, detail?: string) {
    super(reason)
    this.name = 'EgressFailure'
    this.reason = reason
    this.#detail = detail ? ` (${detail})` : ''
  }

  get status(): number {
    return KINDS[this.reason].status
  }

  get title(): string {
    return KINDS[this.reason].title
  }

  get headers(): Record<string, string> {
    return { 'proxy-status': `gantry; error=${KINDS[this.reason].token}` }
  }

  explain(host: string): string {
    const words = { '{host}': host, '{detail}': this.#detail }
    return KINDS[this.reason].text.replace(/\{\w+\}/g, (name) => words[name as keyof typeof words])
  }

  /** The reason when policy forbids it, rather than the network. */
  get refusal(): RefusalReason | undefined {
    return this.status === NOT_ALLOWED.status ? (this.reason as RefusalReason) : undefined
  }
}

const CODES: Record<string, FailureReason> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_closed',
  ETIMEDOUT: 'timeout',
}

/** What an error of a socket means for the destination that it was to reach. */
export function destinationFailure(error: unknown): EgressFailure {
  if (error instanceof EgressFailure) return error
  const { code } = error as NodeJS.ErrnoException
  const reason = code === undefined ? undefined : CODES[code]
  return reason ? new EgressFailure(reason) : new EgressFailure('unreachable', code)
}
