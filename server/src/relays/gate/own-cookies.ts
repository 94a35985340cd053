import { cookiesNamed, type GateHeaders } from './request.ts'

/** `tunnel`: what let the visitor in. `visit`: who has begun to sign in. */
export type CookieKind = 'tunnel' | 'visit'

/** Over TLS the prefix binds it to this very host; other hosts of the domain cannot set one of that name. */
function nameOf(kind: CookieKind, secure: boolean): string {
  return `${secure ? '__Host-' : ''}gantry_${kind}`
}

/** A `Set-Cookie` for this host alone, which no script reads and no other site sends. */
export function setCookie(
  kind: CookieKind,
  value: string,
  { secure, maxAgeSeconds }: { secure: boolean; maxAgeSeconds: number },
): string {
  const rules = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${Math.floor(maxAgeSeconds)}`
  return `${nameOf(kind, secure)}=${value}; ${rules}${secure ? '; Secure' : ''}`
}

export function readCookies(headers: GateHeaders, kind: CookieKind, secure: boolean): string[] {
  return cookiesNamed(headers, nameOf(kind, secure))
}
