import { once } from 'node:events'
import { checkServerIdentity, connect } from 'node:tls'
import type { TunnelParts } from '#tunnels/index.ts'
import { resolveAddresses } from './dns.ts'

/** What anybody outside would see of a tunnel, as far as this machine is one of them. */
export const outside: TunnelParts['outside'] = {
  resolve: (hostname, signal) => resolveAddresses(hostname, signal),
  async certificateFault({ hostname, address, port }, signal) {
    const socket = connect({
      ...{ host: address, port, servername: hostname },
      rejectUnauthorized: false,
    })
    try {
      await once(socket, 'secureConnect', { signal })
      if (socket.authorized) return undefined
      const fault = checkServerIdentity(hostname, socket.getPeerCertificate())
      return fault?.message ?? `it is not trusted here (${String(socket.authorizationError)})`
    } finally {
      socket.destroy()
    }
  },
}
