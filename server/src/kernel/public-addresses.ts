import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** An address in its one plain spelling; IPv4 inside IPv6 (`::ffff:a.b.c.d`) is the IPv4 address. */
export interface Address {
  address: string
  family: 4 | 6
}

const FORBIDDEN_V4 = addressRanges(4, [
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24',
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
  // Azure's host agent answers here.
  '168.63.129.16/32',
])
/** Everything else in IPv6 is local, special, or another address in disguise (NAT64, IPv4-compatible). */
const GLOBAL_V6 = addressRanges(6, ['2000::/3'])
const FORBIDDEN_V6 = addressRanges(6, ['2001::/23 2001:db8::/32 2002::/16 3fff::/20'])

/** Whether an address in its plain spelling belongs to the public internet. */
export function isPublic({ address, family }: Address): boolean {
  if (family === 4) return !FORBIDDEN_V4.check(address)
  return (
    GLOBAL_V6.check(address, 'ipv6') && !FORBIDDEN_V6.check(address, 'ipv6') && !isIsatap(address)
  )
}

/** The plain spelling of a literal address, or nothing when it is none or carries a zone. */
export function plainAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { address: text, family: 4 }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const groups = groupsOf(address)
  if (groups.slice(0, 6).join() !== '0,0,0,0,0,65535') return { address, family: 6 }
  const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 255])
  return { address: bytes.join('.'), family: 4 }
}

/**
 * A host as a URL parser reads it (`0x7f.1` is `127.0.0.1`), without brackets, final dot or capitals; nothing when it is no
 * host. Literal addresses come out in their plain spelling.
 */
export function plainHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  if (/[\s/?#@\\%]/.test(bare)) return undefined
  const url = `http://${bare.includes(':') ? `[${bare}]` : bare}`
  if (!URL.canParse(url)) return undefined
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (isIP(host)) return plainAddress(host)?.address
  return host.split('.').includes('') ? undefined : host
}

/** A list of ranges in one family, each line holding `network/bits` parted by spaces. */
export function addressRanges(family: 4 | 6, lines: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of lines.flatMap((line) => line.split(' '))) {
    const [network = '', bits] = range.split('/')
    list.addSubnet(network, Number(bits), `ipv${family}`)
  }
  return list
}

/** ISATAP hides an IPv4 address behind `0:5efe` or `200:5efe` in any prefix. */
function isIsatap(address: string): boolean {
  const [, , , , flags, marker] = groupsOf(address)
  return (flags === 0 || flags === 0x200) && marker === 0x5efe
}

/** The eight numbers of an IPv6 address in its plain spelling. */
function groupsOf(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map((side) => side.split(':').filter(Boolean))
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16))
}
