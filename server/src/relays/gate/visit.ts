import { randomBytes } from 'node:crypto'
import { equalDigests, sha256 } from '#kernel/crypto/digests.ts'
import { readServiceToken } from '#kernel/service-token.ts'
import { type OwnAnswer, redirect } from './answers.ts'
import { type Entry, nowMs, passCookie } from './entry.ts'
import { readCookies, setCookie } from './own-cookies.ts'
import { localPath, queryOf } from './own-paths.ts'
import { visitorProblems as problems } from './problems.ts'
import type { GateHeaders, GateRequest } from './request.ts'

/** Long enough to sign in, with a second factor or a new password. */
const SIGN_IN_SECONDS = 15 * 60
const NONCE = /^[\w-]{43}$/

/**
 * Sends a visitor to sign in. What comes back counts for this browser alone, which keeps a secret that the address only has the
 * digest of.
 */
export function beginVisit(entry: Entry, request: GateRequest, headers: GateHeaders): OwnAnswer {
  const { nonce, cookie } = visitNonce(request, headers)
  return redirect(signInUrl(entry, request, nonce, localPath(request.url)), ['Set-Cookie', cookie])
}

/** The way to sign in, and the cookie that it needs. */
export function visitOffer(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
  to: string,
): { url: string; cookie: string } {
  const { nonce, cookie } = visitNonce(request, headers)
  return { url: signInUrl(entry, request, nonce, to), cookie }
}

/**
 * Takes what the control plane has signed for whoever has signed in, and lets them in.
 *
 * @throws problem `tunnel.visit_failed`
 */
export function endVisit(entry: Entry, request: GateRequest, headers: GateHeaders): OwnAnswer {
  const query = queryOf(request.url)
  const { id, person, state } = readTicket(entry, query.get('ticket') ?? '')
  const { secure } = request
  if (!isOfThisBrowser(headers, secure, state)) throw problems.visitFailed()
  const cookie =
    id === 'members'
      ? membersCookie(entry, secure, person)
      : grantCookie(entry, secure, { id, person })
  const ended = setCookie('visit', '', { secure, maxAgeSeconds: 0 })
  return redirect(localPath(query.get('to')), ['Set-Cookie', cookie, 'Set-Cookie', ended])
}

/** The one that the browser has already, so that two of its tabs do not undo each other's. */
function visitNonce({ secure }: GateRequest, headers: GateHeaders) {
  const known = readCookies(headers, 'visit', secure).find((value) => NONCE.test(value))
  const nonce = known ?? randomBytes(32).toString('base64url')
  return { nonce, cookie: setCookie('visit', nonce, { secure, maxAgeSeconds: SIGN_IN_SECONDS }) }
}

function signInUrl(entry: Entry, request: GateRequest, nonce: string, path: string): string {
  const to = `${request.secure ? 'https' : 'http'}://${request.host}${path}`
  const state = sha256(nonce).toString('base64url')
  return `${entry.access.visitUrl}?${new URLSearchParams({ to, state })}`
}

function readTicket(entry: Entry, ticket: string) {
  const { tools, tunnelId } = entry
  const claims = readServiceToken(tools.keys(), ticket, tunnelId, nowMs(entry) / 1000)
  const [id = '', person = '', state = ''] = claims?.sub.split('|') ?? []
  if (!id || !person || !state) throw problems.visitFailed()
  return { id, person, state }
}

function isOfThisBrowser(headers: GateHeaders, secure: boolean, state: string): boolean {
  const wanted = Buffer.from(state, 'base64url')
  return readCookies(headers, 'visit', secure).some((nonce) => equalDigests(sha256(nonce), wanted))
}

function membersCookie(entry: Entry, secure: boolean, person: string): string {
  if (entry.access.policy !== 'members') throw problems.visitFailed()
  return passCookie(entry, secure, { by: 'members', id: '', person })
}

function grantCookie(
  entry: Entry,
  secure: boolean,
  { id, person }: { id: string; person: string },
): string {
  const grant = entry.holders.byId(id, nowMs(entry))
  if (grant?.kind !== 'user' && grant?.kind !== 'account') throw problems.visitFailed()
  return passCookie(entry, secure, { by: 'grant', id, person, grantEndsAtMs: grant.expiresAtMs })
}
