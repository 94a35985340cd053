import { isIP } from 'node:net'
import { factorProblems } from '../problems.ts'

/** To whom a passkey belongs: browsers use it on pages of this origin only. */
interface RelyingParty {
  name: string
  id: string
  origin: string
}

/**
 * From the address that clients reach this installation at. A server on loopback is `localhost` to browsers, which bind passkeys to names.
 *
 * @throws problem `passkey.unavailable` when it is reached by another address than a name
 */
export function relyingParty(publicUrl: string): RelyingParty {
  const { protocol, hostname, port, origin } = new URL(publicUrl)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (!isIP(host)) return { name: 'Gantry', id: host, origin }
  if (host !== '::1' && !host.startsWith('127.')) throw factorProblems.passkeysUnavailable({ host })
  return {
    ...{ name: 'Gantry', id: 'localhost' },
    origin: `${protocol}//localhost${port && `:${port}`}`,
  }
}
