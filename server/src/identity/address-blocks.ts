import { plainAddress } from '#kernel/public-addresses.ts'

/** Addresses that count as one, and how many times more often than one they may try. */
export interface AddressBlock {
  block: string
  factor: number
}

const UNKNOWN: AddressBlock[] = [{ block: 'unknown', factor: 1 }]
/** One site may have 65,536 networks of IPv6. */
const SITE_FACTOR = 10

/**
 * What attempts from this address are counted under: the address itself or, of IPv6, where everybody has many, its /64 and its /48.
 * All spellings of an address are one, and IPv4 inside IPv6 is IPv4.
 */
export function addressBlocks(ipAddress: string | undefined): AddressBlock[] {
  const plain = ipAddress === undefined ? undefined : plainAddress(ipAddress)
  if (!plain) return UNKNOWN
  if (plain.family === 4) return [{ block: plain.address, factor: 1 }]
  return [
    { block: `${prefixOf(plain.address, 4)}/64`, factor: 1 },
    { block: `${prefixOf(plain.address, 3)}/48`, factor: SITE_FACTOR },
  ]
}

/** The first of the eight groups of a plainly spelled address. */
function prefixOf(address: string, groups: number): string {
  const [head = [], tail = []] = address.split('::').map((side) => side.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, groups).join(':')
}
