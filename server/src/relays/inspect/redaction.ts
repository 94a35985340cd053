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
  /\b(?:gk_(?:live|test)|gt[tly]|whsec|sk)_[\w+/=-]{8,200}|\b(?:bearer|basic) {1,4}[\w.~+/-]{8,4000}=*/gi
/** A JWT with what is before it. Each run of letters is taken at once, so that one without an end is read once, not from each of its places. */
const JWT =
  /(?<![\w-])(?=[\w-]*?eyJ[\w-]{8})(?=(?<head>[\w-]+))\k<head>\.(?=(?<claims>[\w-]+))\k<claims>\.[\w-]*/g
const LOGIN = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s@"'?#/]{1,1000}@/gi
const PARAMETER = /(^|[?&;#])([^=&;#?]{1,200})=([^&;#]*)/g
const JSON_MEMBER =
  /("([^"\\]{1,100})"\s{0,20}:\s{0,20})(?:"(?:[^"\\]|\\.)*("?)|-?\d[\d.eE+-]{0,100}())/g
/** Of YAML, TOML, `.env` and plain forms: what stands alone on a line. */
const LINE =
  /^([ \t]{0,100}(?:- )?["']?([\w.[\]-]{1,100})["']?[ \t]{0,20}[:=][ \t]{0,20})[^\s][^\n]*/gm
const ELEMENT = /(<([\w:.-]{1,100})(?:\s[^<>]{0,1000})?>)(?:<!\[CDATA\[[^\]]*|[^<]+)/g
/** Of HTML, what has its name and its value side by side. */
const FIELD = /<(?:input|meta)\s[^<>]{0,4000}/gi
const FIELD_VALUE = /(\s(?:value|content)\s{0,20}=\s{0,20})(?:"[^"]*"?|'[^']*'?|[^\s"'<>]+)/gi
const ATTRIBUTE = /(\s([\w:.-]{1,100})\s{0,20}=\s{0,20})(?:"[^"]*"?|'[^']*'?)/g

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

/** How the members of a body have their names. */
export type BodyForm = 'form' | 'json' | 'markup' | 'lines' | 'unknown'

/** A body that is text, without what it calls a secret, and without what looks like one. */
export function redactBody(text: string, form: BodyForm): string {
  switch (form) {
    case 'form':
      return redactParameters(text, SECRET_MEMBER)
    case 'json':
      return redactMembers(redactTokens(text))
    case 'markup':
      return redactMarkup(redactMembers(redactTokens(text)))
    case 'lines':
      return redactNamed(redactMembers(redactTokens(text)), LINE)
    case 'unknown':
      return redactBody(
        redactParameters(text, SECRET_MEMBER),
        /^\s*[[{]/.test(text) ? 'json' : 'lines',
      )
  }
}

/** Whether a member of this name is shown without its value. */
export function isSecretMember(name: string): boolean {
  return SECRET_MEMBER.test(name)
}

function redactMembers(text: string): string {
  return text.replace(JSON_MEMBER, (all, start: string, name: string, end = '"') => {
    return isSecretMember(name) ? `${start}"${REDACTED}${end}` : all
  })
}

function redactMarkup(text: string): string {
  const fields = text.replace(FIELD, (field) => {
    return isSecretMember(field) ? field.replace(FIELD_VALUE, `$1${REDACTED}`) : field
  })
  return redactNamed(redactNamed(fields, ELEMENT), ATTRIBUTE)
}

function redactNamed(text: string, pattern: RegExp): string {
  return text.replace(pattern, (all, start: string, name: string) => {
    return isSecretMember(name) ? `${start}${REDACTED}` : all
  })
}

function redactParameters(text: string, secret = SECRET_PARAMETER): string {
  const redacted = text.replace(PARAMETER, (all, before: string, name: string) => {
    return secret.test(decode(name)) ? `${before}${name}=${REDACTED}` : all
  })
  return redactTokens(redacted)
}

function redactTokens(text: string): string {
  return text.replace(SECRET_VALUE, REDACTED).replace(JWT, REDACTED)
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
