import type { Keyring } from '#kernel/crypto.ts'
import { equalDigests } from '#kernel/crypto.ts'
import { Reply, type RequestFacts } from '#kernel/http/route.ts'
import { ACCESS_TOKEN_SECONDS } from './access-tokens.ts'
import { problems } from './problems.ts'
import { parseRefreshToken } from './refresh-tokens.ts'
import { REMEMBERED_SECONDS } from './factors/remembered.ts'
import type { FinishedSignIn } from './factors/schema.ts'
import type { SessionForm } from './schema.ts'
import type { Tools } from './tools.ts'

/** The prefix makes browsers take them from this very host only, over a connection that nobody reads. */
const ACCESS = '__Host-gantry_session'
const REFRESH = '__Host-gantry_refresh'
const CSRF = '__Host-gantry_csrf'
const DEVICE = '__Host-gantry_device'

const DAY_SECONDS = 24 * 60 * 60
const RULES = 'Path=/; Secure; SameSite=Strict'
/** These change nothing. */
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * The answer of a route that signs in: the tokens for a program, or cookies that no script of a page can read. An answer without tokens
 * stays as it is.
 */
export function inForm<Answer extends object>(
  tools: Tools,
  form: SessionForm,
  answer: Answer,
): Answer | Reply {
  if (form !== 'cookie' || !hasTokens(answer)) return answer
  const { user, accessToken, refreshToken, expiresInSeconds, rememberToken, ...aside } = answer
  const { signInId } = parseRefreshToken(refreshToken)!
  const csrfToken = csrfTokenOf(tools.keyring, signInId)
  const lastSeconds = tools.signInIdleDays * DAY_SECONDS
  const cookies = [
    `${ACCESS}=${accessToken}; ${RULES}; HttpOnly; Max-Age=${ACCESS_TOKEN_SECONDS}`,
    `${REFRESH}=${refreshToken}; ${RULES}; HttpOnly; Max-Age=${lastSeconds}`,
    `${CSRF}=${csrfToken}; ${RULES}; Max-Age=${lastSeconds}`,
  ]
  if (rememberToken) {
    cookies.push(`${DEVICE}=${rememberToken}; ${RULES}; HttpOnly; Max-Age=${REMEMBERED_SECONDS}`)
  }
  const body = { user, csrfToken, expiresInSeconds, ...aside }
  return Reply.json(body, { headers: { 'set-cookie': cookies } })
}

function hasTokens(answer: object): answer is FinishedSignIn {
  return 'accessToken' in answer
}

/** The token by which the browser is remembered, which outlives its sign-ins. */
export function deviceCookie({ headers }: RequestFacts): string | undefined {
  return readCookie(headers.cookie, DEVICE)
}

/** A Set-Cookie for each that makes the browser forget it. */
export function endedCookies(): string[] {
  return [ACCESS, REFRESH, CSRF].map((name) => `${name}=; ${RULES}; Max-Age=0`)
}

/** Whether it was the cookies that told who sent the request. */
export function sentAsCookie(request: RequestFacts): boolean {
  return request.headers.authorization === undefined && accessCookie(request) !== undefined
}

/**
 * Whether a browser was signed in here once, by the cookies that outlive its access token: of both, nobody can make up the CSRF token.
 */
export function wasSignedIn(
  { keyring }: Pick<Tools, 'keyring'>,
  { headers }: RequestFacts,
): boolean {
  const refresh = parseRefreshToken(readCookie(headers.cookie, REFRESH) ?? '')
  const csrf = readCookie(headers.cookie, CSRF)
  if (!refresh || csrf === undefined) return false
  return equalDigests(Buffer.from(csrf), Buffer.from(csrfTokenOf(keyring, refresh.signInId)))
}

/** The access token that a browser sent by itself. */
export function accessCookie({ headers }: RequestFacts): string | undefined {
  return readCookie(headers.cookie, ACCESS)
}

/**
 * The refresh token that a browser sent by itself, when a page of this server made it do so.
 *
 * @throws problem `auth.cross_site_request`
 */
export function refreshCookie(
  tools: Pick<Tools, 'keyring'>,
  request: RequestFacts,
  publicUrl: string,
): string | undefined {
  const token = readCookie(request.headers.cookie, REFRESH)
  const parsed = token === undefined ? undefined : parseRefreshToken(token)
  if (parsed) checkSameSite(tools, request, publicUrl, parsed.signInId)
  return parsed && token
}

/**
 * That a page of this server made the browser send its cookies: by what the browser says of the sender and, where something may
 * change, by a token of the sign-in that only such a page can read.
 *
 * @throws problem `auth.cross_site_request`
 */
export function checkSameSite(
  { keyring }: Pick<Tools, 'keyring'>,
  { method, headers }: RequestFacts,
  publicUrl: string,
  signInId: string,
): void {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw problems.crossSite()
  if (READING.has(method)) return
  const given = headers['x-csrf-token']
  if (!isOwnOrigin(headers, publicUrl) || given === undefined) throw problems.crossSite()
  const wanted = csrfTokenOf(keyring, signInId)
  if (!equalDigests(Buffer.from(given), Buffer.from(wanted))) throw problems.crossSite()
}

function isOwnOrigin({ origin, host }: RequestFacts['headers'], publicUrl: string): boolean {
  const given = origin === undefined ? null : URL.parse(origin)
  return given !== null && (given.host === host || given.origin === URL.parse(publicUrl)?.origin)
}

function csrfTokenOf(keyring: Keyring, signInId: string): string {
  return keyring.mac('csrf tokens', signInId).toString('base64url')
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const cookies = header?.split(';').map((pair) => pair.trim()) ?? []
  return cookies.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
