import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import type { RequestFacts } from '#kernel/http/route.ts'
import type { PlatformParts } from './parts.ts'

type Caller = Pick<RequestFacts, 'ip' | 'headers'>

/** Decides who may read the metrics: this machine, the configured addresses, and whoever sends the token. */
export function metricsGuard({ allow, token }: PlatformParts['metrics']) {
  const loopback = addressList(['127.0.0.0/8', '::1'])
  const allowed = addressList(allow)
  return (caller: Caller): boolean => {
    if (token && sendsToken(caller, token)) return true
    const family = isIP(caller.ip) === 6 ? 'ipv6' : 'ipv4'
    if (allowed.check(caller.ip, family)) return true
    return loopback.check(caller.ip, family) && !isForwarded(caller)
  }
}

/** A proxy on this machine that is not in `TRUSTED_PROXIES` makes every client look like loopback. */
function isForwarded({ headers }: Caller): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name])
}

function sendsToken({ headers }: Caller, token: string): boolean {
  const [, given] = /^bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

/** Of one length, so that comparing tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function addressList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
