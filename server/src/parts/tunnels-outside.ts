import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { checkServerIdentity, connect } from 'node:tls'
import type { TunnelParts } from '#tunnels/index.ts'

/** What anybody outside would see of a tunnel, as far as this machine is one of them. */
export const outside: TunnelParts['outside'] = {
  async resolve(hostname, signal) {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const give = () => reject(signal.reason)
    signal.addEventListener('abort', give, { once: true })
    try {
      const answers = await Promise.race([lookup(hostname, { all: true }), late])
      return answers.map(({ address }) => address)
    } finally {
      signal.removeEventListener('abort', give)
    }
  },
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
