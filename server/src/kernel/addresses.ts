import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import {
  type Address,
  addressRanges,
  isPublic,
  plainAddress,
  plainHost,
} from './public-addresses.ts'

/** One entry of `EGRESS_ALLOW`: a name, an address, or a range when `prefixBits` is set. */
export interface AllowEntry {
  host: string
  prefixBits?: number
  /** Any port when absent. */
  port?: number
}

export type Lookup = (hostname: string) => Promise<readonly { address: string }[]>

export interface AddressGuardOptions {
  /** Entries as `parseAllow` reads them; what they name may be reached although it is private. */
  allow: readonly string[]
  /** Addresses of this deployment that no interface shows, such as a public one behind NAT. */
  own?: () => readonly string[]
  lookup?: Lookup
}

export interface AddressGuard {
  /**
   * The addresses of a host or literal address, in the resolver's order. One forbidden answer refuses the whole name, so
   * connect to what is returned and never resolve again.
   *
   * @throws DestinationRefused, or NameNotResolved when there is no answer within 5 s.
   */
  resolve(hostname: string, port: number): Promise<Address[]>
}

/** Says nothing about what the name resolved to, since its message reaches the customer. */
export class DestinationRefused extends Error {
  constructor() {
    super('destination not allowed')
    this.name = 'DestinationRefused'
  }
}

export class NameNotResolved extends Error {
  /** The resolver's word, such as `ENOTFOUND`, or `ETIMEOUT`, or `EBUSY` when too many lookups are waiting. */
  readonly code: string

  constructor(code: string) {
    super('the host name could not be resolved')
    this.name = 'NameNotResolved'
    this.code = code
  }
}

const LOOKUP_TIMEOUT_MS = 5_000
/** A lookup cannot be taken back, so names of a dead name server would pile up behind libuv's few threads. */
const MAX_LOOKUPS = 256
const FORBIDDEN_NAMES = /(^|\.)(localhost|local|internal|home\.arpa|onion)$/

/** The one judge of which addresses customers' traffic may reach: public ones, and those that the operator allows. */
export function openAddressGuard(options: AddressGuardOptions): AddressGuard {
  const allowed = compileAllow(parseAllow(options.allow.join(' ')))
  const lookup = bounded(
    options.lookup ?? ((name) => systemLookup(name, { all: true, order: 'verbatim' })),
  )

  function check(answers: readonly string[], port: number): Address[] {
    const own = ownAddresses(options.own?.() ?? [])
    return every(
      answers,
      (address) =>
        allowed.address(address, port) || (isPublic(address) && !own.has(address.address)),
    )
  }

  return {
    async resolve(hostname, port) {
      const host = plainHost(hostname)
      if (!host) throw new DestinationRefused()
      if (isIP(host)) return check([host], port)
      if (allowed.name(host, port)) return every(await answersFor(lookup, host), () => true)
      if (!host.includes('.') || FORBIDDEN_NAMES.test(host)) throw new DestinationRefused()
      return check(await answersFor(lookup, host), port)
    },
  }
}

/**
 * Reads `EGRESS_ALLOW`, parted by commas or spaces: `127.0.0.1`, `10.0.0.0/8:8080`, `[::1]:3000`, `[fd00::/8]:443`,
 * `db.internal:5432`. A name allows whatever it resolves to; an address allows no name that is refused as a name.
 *
 * @throws Error naming the entry that cannot be read.
 */
export function parseAllow(text: string): AllowEntry[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((entry) => {
      const parsed = parseEntry(entry)
      if (parsed) return parsed
      throw new Error(
        `"${entry}" is not an address, a range or a host name, with an optional :port`,
      )
    })
}

/** Makes `net.connect` and `tls.connect` use addresses that were checked, whatever the name resolves to by now. */
export function pinnedLookup([first, ...rest]: readonly Address[]): LookupFunction {
  if (!first) throw new TypeError('there is no address to pin')
  return (_hostname, { all }, callback) =>
    all ? callback(null, [first, ...rest]) : callback(null, first.address, first.family)
}

function parseEntry(entry: string): AllowEntry | undefined {
  // An IPv6 address without brackets matches nothing here, and so has no port.
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(entry) ?? []
  const port = digits === undefined ? {} : { port: Number(digits) }
  if (port.port === 0 || (port.port ?? 0) > 65_535) return undefined

  const [text = '', bits, ...rest] = (bracketed ?? plain ?? entry).split('/')
  if (rest.length > 0) return undefined
  const address = plainAddress(text)
  if (!address) return bits === undefined ? parseName(text, port) : undefined
  if (bits === undefined) return { host: address.address, ...port }
  const most = address.family === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return undefined
  return { host: address.address, prefixBits: Number(bits), ...port }
}

/** A name that a URL parser would turn into an address (`127.1`) is a slip of the pen. */
function parseName(text: string, port: { port?: number }): AllowEntry | undefined {
  const host = plainHost(text)
  return host && !isIP(host) && /^[\w.-]+$/.test(host) ? { host, ...port } : undefined
}

/** Judges by entries: a name by its spelling, an address by the entries that hold it. */
export function compileAllow(entries: readonly AllowEntry[]) {
  const compiled = entries.map((entry) => ({ ...entry, ...rangeOf(entry) }))
  const reaches = (entry: AllowEntry, port: number) =>
    entry.port === undefined || entry.port === port
  return {
    name: (host: string, port: number) =>
      compiled.some((entry) => entry.host === host && reaches(entry, port)),
    // The families are compared too, since BlockList finds an IPv4 address in ::/0.
    address: ({ address, family }: Address, port: number) =>
      compiled.some(
        (entry) =>
          entry.family === family &&
          entry.range.check(address, `ipv${family}`) &&
          reaches(entry, port),
      ),
  }
}

function rangeOf({ host, prefixBits }: AllowEntry) {
  const family = plainAddress(host)?.family
  if (!family) return { family }
  return {
    family,
    range: addressRanges(family, [`${host}/${prefixBits ?? (family === 4 ? 32 : 128)}`]),
  }
}

function ownAddresses(more: readonly string[]): Set<string | undefined> {
  const shown = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? [])
  const all = [...shown.map(({ address }) => address), ...more]
  return new Set(all.map((address) => plainAddress(address)?.address))
}

function every(answers: readonly string[], permits: (address: Address) => boolean): Address[] {
  return answers.map((answer) => {
    const address = plainAddress(answer)
    if (address && permits(address)) return address
    throw new DestinationRefused()
  })
}

async function answersFor(lookup: Lookup, host: string): Promise<string[]> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new NameNotResolved('ETIMEOUT')), LOOKUP_TIMEOUT_MS)
  try {
    const answers = await Promise.race([lookup(host), late.promise])
    if (answers.length > 0) return answers.map(({ address }) => address)
  } catch (error) {
    if (error instanceof NameNotResolved) throw error
    throw new NameNotResolved((error as { code?: string }).code ?? 'EAI_FAIL')
  } finally {
    clearTimeout(timer)
  }
  throw new NameNotResolved('ENOTFOUND')
}

function bounded(lookup: Lookup): Lookup {
  let waiting = 0
  return async (hostname) => {
    if (waiting >= MAX_LOOKUPS) throw new NameNotResolved('EBUSY')
    waiting += 1
    try {
      return await lookup(hostname)
    } finally {
      waiting -= 1
    }
  }
}
