import { equalDigests, sha256 } from '#kernel/crypto/digests.ts'
import type { TunnelConfig } from '#tunnels/index.ts'
import type { Entry } from './entry.ts'
import { visitorProblems as problems } from './problems.ts'
import type { GateHeaders, GateRequest } from './request.ts'

type Credentials = NonNullable<TunnelConfig['basicAuth']>

const MAX_LENGTH = 1_024

/** Names the credentials that are demanded, so that new ones let nobody stay by old ones. */
export function credentialsMark(basicAuth: Credentials | undefined): string | undefined {
  return basicAuth && `${basicAuth.username} ${basicAuth.passwordHash}`
}

/**
 * Lets pass whoever shows the name and the password of the tunnel; at once when the password was right before.
 *
 * @throws problem `tunnel.credentials_required`, `tunnel.too_many_tries` or `tunnel.busy`
 */
export function checkBasicAuth<Then>(
  entry: Entry,
  { ip }: GateRequest,
  { authorization }: GateHeaders,
  then: () => Then,
): Then | Promise<Then> {
  const { tools, tunnelId, basicAuth } = entry
  if (!basicAuth) return then()
  const shown = readBasic(authorization)
  if (!shown) throw required(entry)
  const { password } = shown
  // The work is the same for a wrong name.
  const isName = equalDigests(sha256(shown.username), sha256(basicAuth.username))
  const right = tools.passwords.matches({ tunnelId, ip, password, stored: basicAuth.passwordHash })
  if (right === true && isName) return then()
  return Promise.resolve(right).then((right) => {
    if (!right || !isName) throw required(entry)
    return then()
  })
}

function required({ name }: Entry) {
  return problems.credentialsRequired({ challenge: `Basic realm="${name}", charset="UTF-8"` })
}

function readBasic(header: string | undefined): { username: string; password: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(header?.slice(0, MAX_LENGTH) ?? '') ?? []
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString()
  const at = text.indexOf(':')
  return at < 0 ? undefined : { username: text.slice(0, at), password: text.slice(at + 1) }
}
