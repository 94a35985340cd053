/** Cookies of the relay; with the prefix, browsers take them from this very host only. */
const OWN = /^(?:__Host-)?gantry_/

/** A `Cookie` header without those that are the relay's. */
export function withoutOwnCookies(value: string): string {
  if (!value.includes('gantry_')) return value
  const pairs = value.split(';').map((pair) => pair.trim())
  return pairs.filter((pair) => pair !== '' && !OWN.test(pair)).join('; ')
}

/**
 * A `Set-Cookie` of the service as its visitor gets it: one for the domain of all tunnels, or above it, is for its own host only, and
 * one of the relay's names is nobody's to set.
 */
export function ownHostCookie(value: string, tunnelDomain: string): string | undefined {
  if (OWN.test(value.trimStart())) return undefined
  if (!/domain/i.test(value)) return value
  const [pair = '', ...attributes] = value.split(';')
  const kept = attributes.filter((attribute) => !isTooWide(attribute, tunnelDomain))
  return kept.length === attributes.length ? value : [pair, ...kept].join(';')
}

function isTooWide(attribute: string, tunnelDomain: string): boolean {
  const [name = '', domain = ''] = attribute.split('=').map((part) => part.trim().toLowerCase())
  if (name !== 'domain') return false
  const plain = domain.replace(/^\.+|\.+$/g, '')
  return plain === tunnelDomain || tunnelDomain.endsWith(`.${plain}`)
}
