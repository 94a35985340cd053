import { Problem } from '#kernel/problem.ts'
import { type OwnAnswer, ownAnswer, problemHeaders, redirect } from './answers.ts'
import { type Entry, passCookie, passwordMark } from './entry.ts'
import { localPath } from './own-paths.ts'
import { passwordPage } from './pages.ts'
import { visitorProblems as problems } from './problems.ts'
import { type GateHeaders, type GateRequest, isCrossSite } from './request.ts'
import { visitOffer } from './visit.ts'

const MAX_FORM_BYTES = 8 * 1024
const FORM = 'application/x-www-form-urlencoded'
const LONGEST_MS = 10_000

/** The page that asks for the password, for whoever wanted to go there. */
export function askForPassword(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
  to: string,
  fault?: Problem,
): OwnAnswer {
  const offer = entry.holders.people ? visitOffer(entry, request, headers, to) : undefined
  const problem = fault ?? problems.passwordRequired()
  const cookie = offer ? ['Set-Cookie', offer.cookie] : []
  return ownAnswer(problem.status, {
    body: passwordPage({ to, fault: fault?.message, signIn: offer?.url }),
    headers: [...problemHeaders(problem), ...cookie],
  })
}

/**
 * Takes the form of that page: the way to where the visitor wanted to go, or the page again.
 *
 * @throws problem `tunnel.cross_site` or `tunnel.bad_request`
 */
export async function takePassword(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
): Promise<OwnAnswer> {
  if (isCrossSite(request, headers)) throw problems.crossSite()
  const form = await readForm(request, headers)
  const to = localPath(form.get('to'))
  try {
    if (!(await isRight(entry, request, form.get('password') ?? ''))) throw problems.passwordWrong()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return askForPassword(entry, request, headers, to, error)
  }
  const cookie = passCookie(entry, request.secure, {
    by: 'password',
    id: passwordMark(entry.access),
  })
  return redirect(to, ['Set-Cookie', cookie])
}

function isRight(entry: Entry, { ip }: GateRequest, password: string): boolean | Promise<boolean> {
  const { tools, tunnelId, access } = entry
  if (!access.passwordHash || password === '') return false
  return tools.passwords.matches({ tunnelId, ip, password, stored: access.passwordHash })
}

/** @throws problem `tunnel.bad_request` or `tunnel.body_too_slow` */
async function readForm(
  { body }: GateRequest,
  { contentType = '' }: GateHeaders,
): Promise<URLSearchParams> {
  if (!body || !contentType.toLowerCase().startsWith(FORM)) {
    throw problems.badRequest({ detail: 'The password comes in a form.' })
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const chunks: Buffer[] = []
  let length = 0
  const take = (chunk: Buffer) => {
    length += chunk.length
    chunks.push(chunk)
    if (length > MAX_FORM_BYTES) reject(problems.badRequest({ detail: 'The form is too long.' }))
  }
  const late = () => reject(problems.bodyTooSlow({ seconds: LONGEST_MS / 1000 }))
  const timer = setTimeout(late, LONGEST_MS)
  body.on('data', take).once('end', resolve).once('close', late)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    body.off('data', take).off('close', late)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
