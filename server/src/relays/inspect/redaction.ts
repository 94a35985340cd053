import { scrub } from '#kernel/log.ts'

export const REDACTED = '[redacted]'

/** By their names: what proves who somebody is, and our own. */
const SECRET_HEADER =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie2?|.*(?:token|secret|passw|api-?key|credential|signature|session|csrf|xsrf|jwt).*|x-auth.*|.*-auth|.*-otp)$/
const URL_HEADERS = new Set([
  'referer',
  'location',
  'content-location',
  'link',
  'refresh',
  'origin',
])
/** Longer ones are cut; a header that long has no meaning for a reader. */
const MAX_VALUE_LENGTH = 4096

export type HeaderPair = readonly [name: string, value: string]

/** Raw headers as pairs, without the values of those that are secret. */
export function redactHeaders(raw: readonly string[]): HeaderPair[] {
  const pairs: HeaderPair[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    pairs.push([raw[at]!, redactValue(raw[at]!.toLowerCase(), raw[at + 1]!)])
  }
  return pairs
}

function redactValue(name: string, value: string): string {
  if (SECRET_HEADER.test(name)) return REDACTED
  const short = value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH)}…` : value
  return URL_HEADERS.has(name) ? redactUrl(short) : scrub(short)
}

const SECRET_PARAMETER =
  /^(?:.*(?:token|secret|passw|pwd|api_?-?key|signature|credential|session|jwt|auth).*|key|sig|code|state|otp|pin|gantry.*)$/i

/** A path or an address, without the values of parameters that are secret and without a login. */
export function redactUrl(url: string): string {
  return scrub(url).replace(
    /([?&;#])([^=&;#?]*)=([^&;#]*)/g,
    (all, before: string, name: string) => {
      return SECRET_PARAMETER.test(decode(name)) ? `${before}${name}=${REDACTED}` : all
    },
  )
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
