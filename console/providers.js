import { call } from './session.js'

/** Where the server leads back to from a provider, and what takes the code that it brings. */
const TAKES = {
  'provider-sign-in': '/auth/oauth/sign-in',
  'provider-link': '/users/me/identities',
  'provider-step-up': '/auth/oauth/step-up',
}
const REFUSED = 'provider-refused'

/** Why nothing came of it, as the address tells; the server's own words are at `/api/docs/errors`. */
const REASONS = {
  'oauth.denied':
    'You or the provider said no. Begin again and agree there, or sign in another way.',
  'oauth.provider_unavailable': 'The provider does not answer. Try again in a minute.',
  'oauth.answer_refused':
    'It took longer than 10 minutes, or was begun in another browser. Begin again, in one window.',
  'auth.too_many_attempts': 'There were too many attempts. Try again in a quarter of an hour.',
}

/** A link `Continue with …` for each provider that the operator has configured. */
export async function providerLinks() {
  const { ok, body } = await call('GET', '/auth/oauth')
  if (!ok) return []
  return body.items.map(({ id, name }) => {
    const href = `/api/v1/auth/oauth/${id}`
    return Object.assign(document.createElement('a'), {
      ...{ className: 'button', href, textContent: `Continue with ${name}` },
    })
  })
}

/** Whether what stands behind `#` was brought by a provider. */
export function isFromProvider(name) {
  return name === REFUSED || Object.hasOwn(TAKES, name)
}

/** Does what the visit to the provider was for. Resolves to `{ ok, body }`, as `call` does. */
export function goOnFromProvider(name, given) {
  if (name === REFUSED) {
    const detail = REASONS[given] ?? 'Begin again, or sign in another way.'
    return { ok: false, body: { title: 'Nobody was signed in', detail } }
  }
  const session = name === 'provider-sign-in' ? { session: 'cookie' } : {}
  return call('POST', TAKES[name], { code: given, ...session })
}
