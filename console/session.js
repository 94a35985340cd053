const DEADLINE_MS = 35_000
const CSRF = /(?:^|; )__Host-gantry_csrf=([^;]+)/

/** Whether a sign-in is kept in cookies; the tokens themselves are out of reach of scripts. */
export function isSignedIn() {
  return CSRF.test(document.cookie)
}

/** Asks the API as who is signed in; an access token that has ended is renewed first. Resolves to `{ ok, body }`, always. */
export async function call(method, path, body) {
  const answer = await send(method, path, body)
  if (answer.status !== 401 || !isSignedIn()) return answer
  const renewed = await renew()
  return renewed.ok ? send(method, path, body) : answer
}

// A refresh token works once: pages of one browser take turns.
function renew() {
  const refresh = () => send('POST', '/auth/refresh')
  return navigator.locks ? navigator.locks.request('gantry-refresh', refresh) : refresh()
}

async function send(method, path, body) {
  const [, csrf] = CSRF.exec(document.cookie) ?? []
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        ...(csrf && { 'x-csrf-token': csrf }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    const text = await answer.text()
    return { ok: answer.ok, status: answer.status, body: text ? JSON.parse(text) : {} }
  } catch {
    const title = 'The server did not answer'
    return { ok: false, status: 0, body: { title, detail: 'Look whether it is running.' } }
  }
}
