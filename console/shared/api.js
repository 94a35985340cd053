const DEADLINE_MS = 35_000
const FILE_MS = 300_000
const UNHEARD = {
  ...{ ok: false, status: 0 },
  body: { title: 'The server did not answer', suggestion: 'Look whether it is running.' },
}
const CSRF = /(?:^|; )__Host-gantry_csrf=([^;]+)/
const ACCOUNT = 'gantry-account'

/** What makes up for a refusal, by its code: resolves to whether the call is worth repeating. */
const remedies = new Map()
let onSignedOut = () => undefined
let onAccountGone = () => undefined

/** Whether a sign-in is kept in cookies; the tokens themselves are out of reach of scripts. */
export function isSignedIn() {
  return CSRF.test(document.cookie)
}

/** The account that calls act for; the person's own unless another was chosen in this tab. */
export function chosenAccount() {
  return sessionStorage.getItem(ACCOUNT) ?? undefined
}

export function chooseAccount(id) {
  if (id === undefined) sessionStorage.removeItem(ACCOUNT)
  else sessionStorage.setItem(ACCOUNT, id)
}

export function remedy(code, act) {
  remedies.set(code, act)
}

export function whenSignedOut(act) {
  onSignedOut = act
}

/** Told when the account that was chosen is not there for the person any more. */
export function whenAccountGone(act) {
  onAccountGone = act
}

/** After a sign-in has ended elsewhere its cookie would still say that there is one. */
export function forgetSignIn() {
  document.cookie = '__Host-gantry_csrf=; Max-Age=0; Path=/; Secure; SameSite=Strict'
  chooseAccount(undefined)
}

/**
 * Asks the API as who is signed in. An access token that has ended is renewed, and a proof that is asked for is got from the person; then
 * the call is made again. Resolves to `{ ok, status, body, retryAfterSeconds }`, always; `body` of a refusal is a problem.
 */
export async function call(method, path, body) {
  let answer = await asSignedIn(method, path, body)
  const tried = new Set()
  for (;;) {
    const act = answer.ok ? undefined : remedies.get(answer.body.code)
    if (!act || tried.has(act) || !(await act(answer))) return answer
    tried.add(act)
    answer = await asSignedIn(method, path, body)
  }
}

/** The items of a list that comes in pages. */
export async function callForAll(path, { most = 1000 } = {}) {
  const items = []
  for (let cursor; ;) {
    const query = new URLSearchParams({ limit: '100', ...(cursor && { cursor }) })
    const answer = await call('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
    if (!answer.ok) return answer
    items.push(...answer.body.items)
    cursor = answer.body.nextCursor
    if (!cursor || items.length >= most) return { ok: true, status: 200, body: { items } }
  }
}

async function asSignedIn(method, path, body) {
  const answer = await send(method, path, body)
  if (answer.body.code === 'account.not_found' && chosenAccount() !== undefined) {
    return withoutAccount(answer, method, path)
  }
  if (answer.body.code !== 'auth.unauthenticated' || !isSignedIn()) return answer
  const renewed = await renew()
  if (renewed.ok) return send(method, path, body)
  if (renewed.status === 401) {
    forgetSignIn()
    onSignedOut()
  }
  return answer
}

/**
 * An account was not there. When it is the chosen one, the person goes back to their own; what changes something was not meant for that
 * one, and is not made again.
 */
async function withoutAccount(answer, method, path) {
  const { body } = await send('GET', '/users/me')
  if (body.code !== 'account.not_found') return answer
  chooseAccount(undefined)
  onAccountGone()
  return method === 'GET' ? asSignedIn(method, path) : answer
}

// A refresh token works once: pages of one browser take turns.
function renew() {
  const refresh = () => send('POST', '/auth/refresh')
  return navigator.locks ? navigator.locks.request('gantry-refresh', refresh) : refresh()
}

/**
 * Gives the person what a `GET` answers as a file. Resolves as `call` does; a sign-in that has to be renewed is renewed by it before.
 */
export async function saveFile(path, name) {
  const account = chosenAccount()
  const headers = { ...(account && { 'gantry-account': account }) }
  await call('GET', '/users/me')
  try {
    const answer = await fetch(`/api/v1${path}`, { headers, signal: AbortSignal.timeout(FILE_MS) })
    if (!answer.ok) return { ok: false, status: answer.status, body: await answer.json() }
    const href = URL.createObjectURL(await answer.blob())
    Object.assign(document.createElement('a'), { href, download: name }).click()
    setTimeout(() => URL.revokeObjectURL(href), DEADLINE_MS)
    return { ok: true, status: 200, body: {} }
  } catch {
    return UNHEARD
  }
}

async function send(method, path, body) {
  const [, csrf] = CSRF.exec(document.cookie) ?? []
  const account = csrf && chosenAccount()
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(csrf && { 'x-csrf-token': csrf }),
        ...(account && { 'gantry-account': account }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    const text = await answer.text()
    const retryAfterSeconds = Number(answer.headers.get('retry-after')) || undefined
    return {
      ...{ ok: answer.ok, status: answer.status, retryAfterSeconds },
      body: text ? JSON.parse(text) : {},
    }
  } catch {
    return UNHEARD
  }
}
