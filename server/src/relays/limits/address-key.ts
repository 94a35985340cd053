import { plainAddress } from '#kernel/public-addresses.ts'

/** As most are written: the first four groups are there, and say all. */
const PLAIN_V6 = /^[1-9a-f][\da-f]{0,3}(?::(?:0|[1-9a-f][\da-f]{0,3})){3}(?=:)/

/** What one visitor is counted under: an address or, of IPv6, where everybody has many, its /64. All spellings of one are the same. */
export function addressKey(ip: string): string {
  if (!ip.includes(':')) return ip
  const [prefix] = PLAIN_V6.exec(ip) ?? []
  return prefix === undefined ? prefixOf(ip) : `${prefix}::/64`
}

function prefixOf(ip: string): string {
  const plain = plainAddress(ip.replace(/%.*$/, ''))
  if (!plain) return 'unknown'
  if (plain.family === 4) return plain.address
  const [head = [], tail = []] = plain.address
    .split('::')
    .map((side) => side.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
