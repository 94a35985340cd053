import type { BlockList } from 'node:net'
import { type Address, addressRanges, plainAddress } from './public-addresses.ts'

/** Node names the interface that a link-local peer came by: `fe80::1%eth0`. */
const ZONE = /(?<=^fe[89ab][\da-f]:[\da-f:]*)%.+$/i

/** Addresses and ranges such as `203.0.113.7`, `203.0.113.0/24` and `2001:db8::/32`. */
export class AddressRanges {
  readonly #byFamily: Readonly<Record<Address['family'], BlockList>>

  /** @throws TypeError that names the first entry that is none; `isAddressRange` tells before. */
  constructor(entries: readonly string[]) {
    const ranges = entries.map(readRange)
    const of = (family: Address['family']) =>
      addressRanges(
        family,
        ranges.filter((range) => range.family === family).map(({ range }) => range),
      )
    this.#byFamily = { 4: of(4), 6: of(6) }
  }

  /** False for what is no address. An IPv4 address inside IPv6 is the IPv4 address; the zone of a link-local one does not matter. */
  include(text: string): boolean {
    const plain = plainAddress(text.replace(ZONE, ''))
    return (
      plain !== undefined && this.#byFamily[plain.family].check(plain.address, `ipv${plain.family}`)
    )
  }
}

export function isAddressRange(entry: string): boolean {
  return parseRange(entry) !== undefined
}

function readRange(entry: string) {
  const parsed = parseRange(entry)
  if (!parsed) throw new TypeError(`"${entry}" is not an address or a range of addresses`)
  return parsed
}

function parseRange(entry: string): { family: Address['family']; range: string } | undefined {
  const [text = '', digits, ...rest] = entry.split('/')
  const plain = plainAddress(text)
  if (!plain || rest.length > 0 || (digits !== undefined && !/^\d{1,3}$/.test(digits)))
    return undefined
  const most = plain.family === 4 ? 32 : 128
  // Of an IPv4 address that is written inside IPv6, the bits count from the front of that.
  const before = text.includes(':') ? 128 - most : 0
  const bits = digits === undefined ? most : Number(digits) - before
  if (bits < 0 || bits > most) return undefined
  return { family: plain.family, range: `${plain.address}/${bits}` }
}
