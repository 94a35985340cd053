/** All that a relay has to know of a tunnel to serve it. What is not in here, a relay never learns. */
export interface TunnelSpec {
  id: string
  accountId: string
  name: string
  kind: 'http' | 'tcp'
  /** Lower case, without a port: `shop.localhost`, then domains that were proven. */
  hostnames: readonly string[]
  /** Of a TCP tunnel, on every relay. */
  port?: number
  /** False from a stop to the next start: nobody is served and no link may stay. */
  started: boolean
  /** By the operator, so that visitors and agents are told why; `started` is false then. */
  suspended?: true
  /** Rises with every change; one that is lower than what is known is stale. */
  revision: number
  config: TunnelConfig
  access: AccessSpec
  endpoints: readonly EndpointSpec[]
  /** Why nothing new is let in until then; what is under way goes on. */
  blocked?: Blocked
  /** By agent's label, the epoch that holds the tunnel: a link of a lower one is closed. */
  holders: Readonly<Record<string, number>>
}

/** What its account has used up. */
export interface Blocked {
  /** Of the problem that visitors get, with status 429. */
  code: string
  detail: string
  /** In ms since 1970; it ends then by itself. */
  untilMs: number
}

/** Where a tunnel leads. */
export interface EndpointSpec {
  id: string
  /** As its agent reaches it: `http://127.0.0.1:3000`, `https://…`, `tcp://127.0.0.1:5432`. */
  url: string
  /** The label of the agent that leads there. */
  agent: string
  /** The lowest that has a healthy endpoint is taken; the others stand by. */
  priority: number
  /** Its share among those of one priority; 0 takes nothing unless all have it. */
  weight: number
  healthCheck?: HealthCheck
}

/** Asked by the agent, beside the service: it costs the relay nothing. */
export interface HealthCheck {
  kind: 'http' | 'tcp'
  /** Of an HTTP check; any answer below 500 is good unless `status` is given. */
  path?: string
  status?: number
  intervalSeconds: number
  timeoutSeconds: number
  /** In a row, until it counts as unhealthy; and until it counts as healthy again. */
  failures: number
  successes: number
}

/** What a customer sets. Changes hold for open links and, where that can be, for what is under way. */
export interface TunnelConfig {
  /** Requests, WebSockets and TCP connections at once. */
  maxConnections: number
  /** Until the first byte of an answer. */
  timeoutSeconds: number
  /** Without a byte either way, of what is under way. */
  idleTimeoutSeconds: number
  /** Of text-like answers that come uncompressed, for visitors who take it. Never of event streams. */
  compression: boolean
  /** Of all bytes, each way. */
  bandwidthBytesPerSecond?: number
  /** How long a request may wait for one of `maxConnections`; 0 refuses at once. */
  queueSeconds: number
  requestHeaders: HeaderRules
  responseHeaders: HeaderRules
  /** Host that the local service sees: the visitor's (`preserve`), that of the endpoint's URL (`rewrite`), or one given. */
  hostHeader: 'preserve' | 'rewrite' | (string & {})
  /** Demanded of visitors beside the access policy. The hash is `scrypt$…`, as `kernel/scrypt.ts` makes it. */
  basicAuth?: { username: string; passwordHash: string }
  /** Keeps the last requests with headers and the beginnings of bodies. */
  inspector: { enabled: boolean; bodyBytes: number }
}

export interface HeaderRules {
  set: Readonly<Record<string, string>>
  remove: readonly string[]
}

/** Who may come. Each policy admits holders of a grant too. */
export interface AccessSpec {
  policy: 'public' | 'token' | 'members' | 'addresses' | 'password'
  /** CIDR ranges, of the policy `addresses`. */
  addresses: readonly string[]
  /** Of the policy `password`: `scrypt$…`. */
  passwordHash?: string
  /** Rises when everything that was let in so far has to ask again. */
  generation: number
  /** 32 bytes in base64url, of this tunnel alone: what relays sign with what they let visitors keep. */
  cookieKey: string
  /** Where people who sign in are sent: `https://…/api/v1/tunnels/{id}/visit`. */
  visitUrl: string
  grants: readonly AccessGrant[]
}

/** What lets somebody in who shows it. What is not listed any more is revoked, and what it let in is cut. */
export interface AccessGrant {
  id: string
  /** `token`: in `Gantry-Tunnel-Token`. `link`: in a URL, once, then a cookie. `user` and `account`: people who sign in at the console. */
  kind: 'token' | 'link' | 'user' | 'account'
  /** SHA-256 in base64url of what is shown: of a `token` or `link`. */
  secretHash?: string
  /** In ms since 1970. */
  expiresAtMs?: number
}
