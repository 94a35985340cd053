import { plainAddress } from '#kernel/public-addresses.ts'

/** What one visitor is counted under: an address or, of IPv6, where everybody has many, its /64. All spellings of one are the same. */
export function addressKey(ip: string): string {
  if (!ip.includes(':')) return ip
  const plain = plainAddress(ip.replace(/%.*$/, ''))
  if (!plain) return 'unknown'
  if (plain.family === 4) return plain.address
  const [head = [], tail = []] = plain.address
    .split('::')
    .map((side) => side.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
