import { BlockList, isIP } from 'node:net'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that leads to `url`, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` in either case; lower case wins, as in curl. This
 * machine itself is never reached by one.
 *
 * @throws TypeError for a proxy whose URL is none
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const read = (name: string) => env[name.toLowerCase()] || env[name]
  const proxy = read(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (!proxy || isLoopback(hostOf(url)) || isExempt(url, read('NO_PROXY') ?? '')) return undefined
  const parsed = URL.parse(proxy.includes('://') ? proxy : `http://${proxy}`)
  if (parsed && ['http:', 'https:'].includes(parsed.protocol)) return parsed
  throw new TypeError('HTTPS_PROXY is not the URL of an HTTP proxy, such as http://proxy:3128')
}

function isExempt(url: URL, list: string): boolean {
  const host = hostOf(url)
  return list
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => matches(entry.toLowerCase(), host, portOf(url)))
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const [range, bits] = entry.split('/')
  if (bits !== undefined) return isIP(host) > 0 && isWithin(host, range!, Number(bits))
  const [, name, wanted] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) ? entry : entry)!
  if (isIP(entry)) return entry === host
  const domain = name!.replace(/^\*?\.?/, '')
  return (!wanted || wanted === port) && (host === domain || host.endsWith(`.${domain}`))
}

function isWithin(host: string, range: string, bits: number): boolean {
  const [family, own] = [isIP(range), isIP(host)]
  if (family !== own || !(bits >= 0 && bits <= (family === 4 ? 32 : 128))) return false
  const ranges = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  ranges.addSubnet(range, bits, type)
  return ranges.check(host, type)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || /^127\.|^::1$/.test(host)
}

export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

export function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80')
}
