import { Problem } from '#kernel/problem.ts'
import type { AccessGrant, TunnelSpec } from '#tunnels/index.ts'
import type { Admission, Admitted, Refused } from './admission.ts'
import { answerFor, type OwnAnswer, redirect } from './answers.ts'
import { checkBasicAuth, credentialsMark } from './basic-auth.ts'
import { type Entry, makeEntry, nowMs, passCookie, passCounts } from './entry.ts'
import type { GateTools } from './gates.ts'
import { readCookies } from './own-cookies.ts'
import {
  LINK_PARAMETER,
  localPath,
  OWN_PATHS,
  PASSWORD_PATH,
  pathOf,
  takeLink,
  VISIT_PATH,
} from './own-paths.ts'
import { askForPassword, takePassword } from './password.ts'
import type { Pass } from './passes.ts'
import { visitorProblems as problems } from './problems.ts'
import {
  type GateHeaders,
  type GateRequest,
  isCrossSite,
  isPageVisit,
  isReading,
  readHeaders,
} from './request.ts'
import { beginVisit, endVisit } from './visit.ts'

const EVERYBODY: Admitted = { let: true, by: 'public', proof: { ip: '' } }

/** Judges who may come to one tunnel. */
export class Gate {
  readonly #tools: GateTools
  #entry!: Entry
  #isOpen = false

  constructor(tools: GateTools, spec: TunnelSpec) {
    this.#tools = tools
    this.apply(spec)
  }

  /** From now on, this is who may come; of who came before, `stillAdmits` tells. */
  apply(spec: TunnelSpec): void {
    this.#entry = makeEntry(this.#tools, spec)
    this.#isOpen = spec.access.policy === 'public' && !spec.config.basicAuth && !spec.blocked
  }

  /** At once, but where a password has to be checked. */
  judge(request: GateRequest): Admission | Promise<Admission> {
    const { url } = request
    const isOwn = url.startsWith(OWN_PATHS)
    if (this.#isOpen && !isOwn && !url.includes(LINK_PARAMETER)) return EVERYBODY
    const headers = readHeaders(request.rawHeaders)
    const refuse = (error: unknown) => refused(this.#entry, request, headers, error)
    try {
      checkBlocked(this.#entry)
      const judged = isOwn
        ? answerOwn(this.#entry, request, headers)
        : admit(this.#entry, request, headers)
      return judged instanceof Promise ? this.#whileWaiting(request, judged).catch(refuse) : judged
    } catch (error) {
      return refuse(error)
    }
  }

  /** What was taken back meanwhile lets nobody in. */
  async #whileWaiting(request: GateRequest, judged: Promise<Admission>): Promise<Admission> {
    const admission = await judged
    return admission.let && !this.stillAdmits(admission) ? this.judge(request) : admission
  }

  /** Whether what was let in may stay, by what counts now. Also when nothing was changed, something may have ended by time. */
  stillAdmits({ proof }: Admitted): boolean {
    const { access, ranges, basicAuth } = this.#entry
    if (basicAuth && proof.credentials !== credentialsMark(basicAuth)) return false
    if (access.policy === 'public' || ranges?.include(proof.ip)) return true
    return proof.pass !== undefined && passCounts(this.#entry, proof.pass)
  }
}

/** What has come before stays. @throws problem `tunnel.quota_exceeded` until the time that was told is over */
function checkBlocked(entry: Entry): void {
  const { blocked } = entry
  const leftMs = blocked ? blocked.untilMs - nowMs(entry) : 0
  if (leftMs <= 0) return
  const retryAfterSeconds = Math.ceil(leftMs / 1000)
  throw problems.quotaExceeded({ detail: blocked!.detail, retryAfterSeconds })
}

/** @throws Problem that says what a visitor has to show */
function admit(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
): Admission | Promise<Admission> {
  const link = takeLink(request.url)
  if (link) return answered(takeLinkIn(entry, request, link))
  const pass = passOf(entry, request, headers)
  return checkBasicAuth(entry, request, headers, () => admitted(entry, request, pass))
}

/** What lets the visitor in by the policy, or a grant; undefined when nothing has to. */
function passOf(entry: Entry, request: GateRequest, headers: GateHeaders): Pass | undefined {
  const { access, ranges } = entry
  if (access.policy === 'public' || ranges?.include(request.ip)) return undefined
  if (headers.token !== undefined) return passOfToken(entry, request, headers.token)
  const pass = readCookies(headers, 'tunnel', request.secure)
    .map((value) => entry.passes.read(value, nowMs(entry)))
    .find((pass) => pass !== undefined && passCounts(entry, pass))
  if (!pass) throw missing(entry, request)
  if (isCrossSite(request, headers)) throw problems.crossSite()
  return pass
}

/** @throws problem `tunnel.token_required` or `tunnel.too_many_tries` */
function passOfToken(entry: Entry, { ip }: GateRequest, token: string): Pass {
  const grant = grantOf(entry, ip, 'token', token)
  if (!grant) throw problems.tokenRequired({ detail: 'The token that was sent does not count.' })
  return passOfGrant(entry, grant)
}

function passOfGrant({ access }: Entry, { id, expiresAtMs = Infinity }: AccessGrant): Pass {
  return { by: 'grant', id, generation: access.generation, expiresAtMs, person: '' }
}

/** One that is wrong is a try. @throws problem `tunnel.too_many_tries` */
function grantOf(
  entry: Entry,
  ip: string,
  kind: 'token' | 'link',
  secret: string,
): AccessGrant | undefined {
  const { tools, tunnelId, holders } = entry
  tools.tries.take(tunnelId, ip)
  const grant = holders.ofSecret(kind, secret, nowMs(entry))
  if (grant) tools.tries.giveBack(tunnelId, ip)
  return grant
}

/** The secret of a link, once: a cookie, and the way without it. @throws problem `tunnel.link_ended` */
function takeLinkIn(
  entry: Entry,
  { ip, method, secure }: GateRequest,
  { secret, rest }: { secret: string; rest: string },
): OwnAnswer {
  if (!isReading(method)) throw problems.linkEnded()
  if (entry.access.policy === 'public') return redirect(rest)
  const grant = grantOf(entry, ip, 'link', secret)
  if (!grant) throw problems.linkEnded()
  const pass = { by: 'grant', id: grant.id, grantEndsAtMs: grant.expiresAtMs } as const
  return redirect(rest, ['Set-Cookie', passCookie(entry, secure, pass)])
}

function admitted({ basicAuth }: Entry, { ip }: GateRequest, pass: Pass | undefined): Admitted {
  const credentials = credentialsMark(basicAuth)
  return {
    let: true,
    by: pass?.by ?? 'public',
    ...(pass?.by === 'grant' && { grantId: pass.id }),
    ...(pass?.person && { person: pass.person }),
    ...(pass && pass.expiresAtMs !== Infinity && { untilMs: pass.expiresAtMs }),
    ...(basicAuth && { withoutAuthorization: true }),
    proof: { ip, ...(pass && { pass }), ...(credentials && { credentials }) },
  }
}

function missing({ access, holders }: Entry, { ip }: GateRequest): Problem {
  if (access.policy === 'password') return problems.passwordRequired()
  if (holders.people) return problems.signInRequired()
  if (access.policy === 'addresses') return problems.addressRefused({ address: ip })
  return problems.tokenRequired()
}

/** Paths of ours on the tunnel's host. @throws Problem */
function answerOwn(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
): Refused | Promise<Refused> {
  const { method, url } = request
  switch (`${method} ${pathOf(url)}`) {
    case `GET ${VISIT_PATH}`:
      return answered(endVisit(entry, request, headers))
    case `GET ${PASSWORD_PATH}`:
      if (entry.access.policy !== 'password') return answered(redirect('/'))
      return answered(askForPassword(entry, request, headers, '/'))
    case `POST ${PASSWORD_PATH}`:
      if (entry.access.policy !== 'password') return answered(redirect('/'))
      return takePassword(entry, request, headers).then(answered)
    default:
      throw problems.unknownOwnPath()
  }
}

/** @throws what is no problem */
function refused(
  entry: Entry,
  request: GateRequest,
  headers: GateHeaders,
  error: unknown,
): Refused {
  if (!(error instanceof Problem)) throw error
  const { code } = error
  const html = isPageVisit(request, headers)
  if (html && code === problems.signInRequired.kind.code) {
    return { ...answered(beginVisit(entry, request, headers)), code }
  }
  if (html && code === problems.passwordRequired.kind.code) {
    const answer = askForPassword(entry, request, headers, localPath(request.url))
    return { let: false, answer, code }
  }
  return { let: false, answer: answerFor(error, { html }), code }
}

function answered(answer: OwnAnswer): Refused {
  return { let: false, answer }
}
