export const categories = [
  'validation',
  'authentication',
  'authorization',
  'not_found',
  'conflict',
  'rate_limit',
  'server',
  'service_unavailable',
] as const
export type Category = (typeof categories)[number]

/** One way to refuse, as the error catalogue shows it. */
export interface ProblemKind {
  /** `capability.reason`: stable for ever, since clients switch on it. */
  readonly code: string
  readonly status: number
  readonly title: string
  /** What happened here; `{name}` is replaced by the fact of that name. */
  readonly detail?: string
  /** What the caller can do about it; `{name}` is replaced too. */
  readonly suggestion?: string
  /** Derived from the status unless given. */
  readonly category?: Category
  /**
   * How loud the log is when it is answered. Unless given, a status of 500 and above is an `error`, which a person must see, and
   * others are told by the line of their request alone. What a site, a client or the operator's own wish has caused is `info`, or
   * `warn` where many of them mean something.
   */
  readonly level?: ProblemLevel
  /** Noted in the trail of refusals also when nobody is signed in, since it goes by where a request comes from. */
  readonly noted?: true
}

export type ProblemLevel = 'error' | 'warn' | 'info'

export interface FieldError {
  /** Dotted path from the request: `body.viewport.width`. */
  path: string
  message: string
}

export interface ProblemFacts {
  [name: string]: unknown
  /** Replaces the detail of the kind. */
  detail?: string
  errors?: FieldError[]
  /** Sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** Sent as `RateLimit` and `RateLimit-Policy`. */
  rateLimit?: RateLimit
  /** What went wrong below; logged, never sent. */
  cause?: unknown
}

/** A limit that was reached. */
export interface RateLimit {
  name: string
  limit: number
  windowSeconds: number
}

export interface ProblemFactory {
  (facts?: ProblemFacts): Problem
  readonly kind: ProblemKind
}

/** A refusal with a stable code; the HTTP layer turns it into `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly kind: ProblemKind
  readonly facts: ProblemFacts

  constructor(kind: ProblemKind, facts: ProblemFacts = {}) {
    super(facts.detail ?? fill(kind.detail ?? kind.title, facts), { cause: facts.cause })
    this.name = 'Problem'
    this.kind = kind
    this.facts = facts
  }

  get code(): string {
    return this.kind.code
  }

  get status(): number {
    return this.kind.status
  }

  get suggestion(): string | undefined {
    return this.kind.suggestion && fill(this.kind.suggestion, this.facts)
  }
}

/** Defines the refusals of a capability; each is thrown as `throw problems.notFound({ id })`. */
export function defineProblems<const Kinds extends Record<string, ProblemKind>>(
  kinds: Kinds,
): { readonly [Name in keyof Kinds]: ProblemFactory } {
  const factories = Object.entries(kinds).map(([name, kind]) => {
    const factory = (facts?: ProblemFacts) => new Problem(kind, facts)
    return [name, Object.assign(factory, { kind })]
  })
  return Object.fromEntries(factories)
}

/** At which level the log tells of it, if it does. */
export function levelOf({ level, status }: ProblemKind): ProblemLevel | undefined {
  return level ?? (status >= 500 ? 'error' : undefined)
}

export function categoryOf(kind: ProblemKind): Category {
  if (kind.category) return kind.category
  switch (kind.status) {
    case 401:
      return 'authentication'
    case 403:
      return 'authorization'
    case 404:
    case 405:
    case 410:
      return 'not_found'
    case 409:
      return 'conflict'
    case 429:
      return 'rate_limit'
    case 503:
      return 'service_unavailable'
    default:
      return kind.status < 500 ? 'validation' : 'server'
  }
}

function fill(template: string, facts: ProblemFacts): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const fact = facts[name]
    return fact === undefined ? whole : String(fact)
  })
}
