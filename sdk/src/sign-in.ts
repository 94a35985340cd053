import type { Calls } from './calls.ts'
import { GantryError } from './error.ts'
import type { components } from './openapi.d.ts'

type Login = components['schemas']['Login']
type Challenge = components['schemas']['SecondFactorRequired']
type SignedIn = components['schemas']['SignedIn']

export interface SignIn extends Omit<Login, 'session'> {
  /** For a person with a second factor: six digits of the authenticator app or a backup code, or what gives one when it is asked for. */
  code?: string | (() => string | Promise<string>)
}

/** @throws GantryError `auth.second_factor_required` when one is asked for and there is no `code` */
export async function signIn(calls: Calls, { code, ...body }: SignIn): Promise<SignedIn> {
  const { data } = await calls.POST('/api/v1/auth/login', { body })
  if ('accessToken' in data) return data
  if (!('challengeId' in data)) throw new Error('the server answered without tokens')
  return finish(calls, data, code)
}

async function finish(
  calls: Calls,
  { challengeId }: Challenge,
  code: SignIn['code'],
): Promise<SignedIn> {
  const given = typeof code === 'function' ? await code() : code
  if (given === undefined) throw missing()
  const body = { challengeId, code: given }
  const { data } = /^\d{6}$/.test(given)
    ? await calls.POST('/api/v1/auth/2fa/verify', { body })
    : await calls.POST('/api/v1/auth/2fa/backup/verify', { body })
  if (!('accessToken' in data)) throw new Error('the server answered without tokens')
  return data
}

function missing(): GantryError {
  return new GantryError({
    ...{ code: 'auth.second_factor_required', status: 403 },
    detail: 'This person has a second factor.',
    suggestion: 'Give a `code` to `signIn`.',
  })
}
