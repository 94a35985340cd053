export const REDACTED = '[redacted]'

export type HeaderPair = readonly [name: string, value: string]

/** By their names: what proves who somebody is, and our own. */
const SECRET_HEADER =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie2?|.*(?:token|secret|passw|api-?key|credential|signature|session|csrf|xsrf|jwt).*|x-auth.*|.*-auth|.*-otp)$/
const SECRET_PARAMETER =
  /^(?:.*(?:token|secret|passw|pwd|api_?-?key|signature|credential|session|jwt|auth).*|key|sig|code|state|otp|pin|gantry.*)$/i
/** Of forms and JSON there are many whose `code` or `state` is none. */
const SECRET_MEMBER =
  /token|secret|passw|pwd|api_?-?key|private_?-?key|signature|credential|authorization|jwt|otp$|cvv|cvc|card_?-?number/i
/** By their looks: tokens, keys and logins of any kind, ours too. Every part has a bound, since strangers write what is searched. */
const SECRET_VALUE =
  /\beyJ[\w-]{8,1000}\.[\w-]{1,4000}\.[\w-]{0,1000}|\b(?:gk_(?:live|test)|gt[tly]|whsec|sk)_[\w+/=-]{8,200}|\b(?:bearer|basic) {1,4}[\w.~+/-]{8,4000}=*/gi
const LOGIN = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s@"'?#/]{1,1000}@/gi
const PARAMETER = /(^|[?&;#])([^=&;#?]{1,200})=([^&;#]*)/g
const JSON_MEMBER = /("([^"\\]{1,100})"\s{0,20}:\s{0,20})"(?:[^"\\]|\\.)*("?)/g

const URL_HEADERS = new Set(['referer', 'location', 'content-location', 'link', 'refresh'])

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
  return URL_HEADERS.has(name) ? redactUrl(value) : redactTokens(value)
}

/** A path or an address, without the values of parameters that are secret and without a login. */
export function redactUrl(url: string): string {
  const [, before, after] = /^([^?#]*)(.*)$/s.exec(url)!
  return redactTokens(before!).replace(LOGIN, `$1${REDACTED}@`) + redactParameters(after!)
}

/** A body that is text, without what a form or JSON calls a secret, and without what looks like one. */
export function redactBody(text: string, isForm: boolean): string {
  if (isForm) return redactParameters(text, SECRET_MEMBER)
  return redactTokens(text).replace(
    JSON_MEMBER,
    (all, start: string, name: string, end: string) => {
      return SECRET_MEMBER.test(name) ? `${start}"${REDACTED}${end}` : all
    },
  )
}

function redactParameters(text: string, secret = SECRET_PARAMETER): string {
  const redacted = text.replace(PARAMETER, (all, before: string, name: string) => {
    return secret.test(decode(name)) ? `${before}${name}=${REDACTED}` : all
  })
  return redactTokens(redacted)
}

function redactTokens(text: string): string {
  return text.replace(SECRET_VALUE, REDACTED)
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
