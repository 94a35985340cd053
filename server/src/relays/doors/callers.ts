import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { AddressRanges } from '#kernel/address-ranges.ts'
import { clientAddresses } from '#kernel/http/client-address.ts'
import type { Caller } from '../http/passage.ts'
import type { Visit } from '../peers/visit.ts'

/** Tells who a visitor is, as far as the proxies before the relay may be believed. */
export class Callers {
  /** Of whoever is behind trusted proxies. */
  readonly addressOf: (request: IncomingMessage) => string
  readonly #trusted: AddressRanges | undefined

  constructor(trustedProxies: readonly string[]) {
    this.addressOf = clientAddresses(trustedProxies)
    if (trustedProxies.length > 0) this.#trusted = new AddressRanges(trustedProxies)
  }

  isTrusted(socket: Socket): boolean {
    return this.#trusted?.include(plainAddress(socket)) ?? false
  }

  of(request: IncomingMessage): Caller {
    const { socket } = request
    const peer = plainAddress(socket)
    const trusted = this.isTrusted(socket)
    const ip = trusted ? this.addressOf(request) : peer
    const told = trusted && request.headers['x-forwarded-proto'] === 'https'
    const secure = told || (socket as { encrypted?: boolean }).encrypted === true
    return { ip, peer, trusted, secure }
  }
}

/** Without the form that IPv4 has where IPv6 listens. */
export function plainAddress({ remoteAddress = '' }: Socket): string {
  return remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress
}

/** Somebody who has come by another way than the public listener. */
export function callerOf(visit: Visit & { replayOf?: string }): Caller {
  if (visit.kind === 'peer') {
    const { ip, secure, trusted, forwardedBy } = visit
    return { ip, peer: ip, secure, trusted, ...(forwardedBy !== undefined && { forwardedBy }) }
  }
  const { sessionId, grantId, replayOf } = visit
  return {
    ...{ ip: sessionId, peer: 'unknown', trusted: false, secure: false, sessionId },
    ...(grantId !== undefined && { grantId }),
    ...(replayOf !== undefined && { replayOf }),
  }
}
