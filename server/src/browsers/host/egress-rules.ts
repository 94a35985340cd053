import { type AllowEntry, compileAllow, parseAllow } from '#kernel/addresses.ts'
import { type Address, plainAddress } from '#kernel/public-addresses.ts'
import { type Upstream, parseUpstream } from './egress-upstream-url.ts'

/** Where a session's browser may go, as the customer says it. None of it opens an address that is not public. */
export interface EgressRules {
  /** Patterns; when given, everything else is refused. */
  allow?: readonly string[]
  /** Patterns; what they match is refused, even if it is allowed too. */
  deny?: readonly string[]
  /** The proxy that all traffic leaves through: `http://`, `https://`, `socks5://` or `socks5h://`, with `user:password@`. */
  upstream?: string
  /** Names of the tunnels that it reaches as `http://<name>.tunnel/`; they need no entry in `allow`. */
  tunnels?: readonly string[]
}

/** Rules that were read. */
export interface EgressPolicy {
  readonly tunnels: ReadonlySet<string>
  readonly allow?: HostList
  readonly deny: HostList
  readonly upstream?: Upstream
}

/** Says what is wrong and where. The message may be shown to the customer: it holds no credentials. */
export class EgressRulesInvalid extends Error {
  /** `allow.3`, `deny` or `upstream`, as a path into the rules. */
  readonly path: readonly (string | number)[]

  constructor(path: readonly (string | number)[], message: string) {
    super(message)
    this.name = 'EgressRulesInvalid'
    this.path = path
  }
}

export const MAX_PATTERNS = 200
export const MAX_PATTERN_LENGTH = 300

/**
 * Reads a session's rules. A pattern is a host name, `*.example.com` (its subdomains only), an address or a range, each with an
 * optional `:port`: `db.example.com:5432`, `203.0.113.0/24`, `[2606:4700::/32]:443`.
 *
 * @throws EgressRulesInvalid naming the first pattern that cannot be read.
 */
export function parseEgressRules({ allow, deny, upstream, tunnels }: EgressRules): EgressPolicy {
  return {
    tunnels: new Set(tunnels),
    ...(allow && { allow: new HostList('allow', allow) }),
    deny: new HostList('deny', deny ?? []),
    ...(upstream !== undefined && { upstream: readUpstream(upstream) }),
  }
}

/** A list of patterns, and what it matches. */
export class HostList {
  /** Whether some pattern is an address or a range, so that the addresses of a name matter. */
  readonly hasRanges: boolean
  readonly #exact: ReturnType<typeof compileAllow>
  readonly #parents: readonly AllowEntry[]

  constructor(field: 'allow' | 'deny', patterns: readonly string[]) {
    if (patterns.length > MAX_PATTERNS) {
      throw new EgressRulesInvalid([field], `at most ${MAX_PATTERNS} patterns are read`)
    }
    const read = patterns.map((pattern, index) => readPattern(pattern, [field, index]))
    const exact = read.filter(({ isParent }) => !isParent).map(({ entry }) => entry)
    this.#parents = read.filter(({ isParent }) => isParent).map(({ entry }) => entry)
    this.#exact = compileAllow(exact)
    this.hasRanges = exact.some(({ host }) => plainAddress(host))
  }

  /** `host` in its plain spelling, as `plainHost` gives it. */
  hasName(host: string, port: number): boolean {
    return (
      this.#exact.name(host, port) ||
      this.#parents.some(
        (parent) => host.endsWith(`.${parent.host}`) && (parent.port ?? port) === port,
      )
    )
  }

  hasAddress(address: Address, port: number): boolean {
    return this.#exact.address(address, port)
  }
}

function readPattern(pattern: string, path: readonly (string | number)[]) {
  const invalid = (why: string) =>
    new EgressRulesInvalid(path, `${JSON.stringify(pattern.slice(0, MAX_PATTERN_LENGTH))} ${why}`)
  if (pattern.length > MAX_PATTERN_LENGTH) throw invalid('is too long for a pattern')
  if (pattern.includes('://')) throw invalid('is a URL: name its host alone')
  if (pattern === '*') throw invalid('matches all; leave "allow" out to allow every public host')
  const isParent = pattern.startsWith('*.')
  const entry = readEntry(isParent ? pattern.slice(2) : pattern)
  if (!entry || (isParent && (entry.prefixBits !== undefined || plainAddress(entry.host)))) {
    throw invalid(
      'is not a host name, *.domain, an address or a range such as 203.0.113.0/24, with an optional :port',
    )
  }
  return { entry, isParent }
}

function readEntry(text: string): AllowEntry | undefined {
  // The parser takes lists, of which this is to be one entry.
  if (/[\s,]/.test(text) || text === '') return undefined
  try {
    return parseAllow(text)[0]
  } catch {
    return undefined
  }
}

function readUpstream(text: string): Upstream {
  const upstream = parseUpstream(text)
  if (typeof upstream === 'string') throw new EgressRulesInvalid(['upstream'], upstream)
  return upstream
}
