import { type Calls, openCalls } from './calls.ts'
import { Credentials, type Fetch, type Tokens } from './credentials.ts'
import type { components } from './openapi.d.ts'
import { Sessions } from './sessions.ts'
import { type SignIn, signIn } from './sign-in.ts'

export type { Calls } from './calls.ts'
export type { Fetch, Tokens } from './credentials.ts'
export { GantryError } from './error.ts'
export type { components, paths } from './openapi.d.ts'
export type { Session, Sessions } from './sessions.ts'
export type { SignIn } from './sign-in.ts'

export interface GantryOptions extends Tokens {
  /** Where the server is; else `GANTRY_URL`, else this machine. */
  url?: string
  /** Told each new pair, for a program that keeps its sign-in across restarts. */
  onTokens?: (tokens: Required<Tokens>) => void
  /** In place of the platform's own. */
  fetch?: Fetch
}

export interface Gantry extends Calls {
  readonly sessions: Sessions
  /** From now on acts as this person, and renews the tokens when they expire. */
  signIn(credentials: SignIn): Promise<components['schemas']['User']>
  /** Ends the sign-in on the server too. */
  signOut(): Promise<void>
}

const DEFAULT_URL = 'http://127.0.0.1:8700'

/**
 * A client of one Gantry. Acts with the tokens that are given, else with the access token in `GANTRY_API_KEY`, else as nobody until
 * `signIn`. Whatever the server refuses is thrown as a `GantryError`.
 *
 * @throws TypeError for a `url` that is none
 */
export function createClient(options: GantryOptions = {}): Gantry {
  const env = typeof process === 'undefined' ? {} : process.env
  const url = new URL(options.url ?? (env.GANTRY_URL || DEFAULT_URL)).href.replace(/\/+$/, '')
  const given = options.accessToken ?? options.refreshToken
  const credentials = new Credentials({
    url,
    accessToken: given === undefined ? env.GANTRY_API_KEY : options.accessToken,
    refreshToken: options.refreshToken,
    onTokens: options.onTokens,
    fetch: options.fetch ?? fetch,
  })
  const calls = openCalls(url, credentials.send)
  return {
    ...calls,
    sessions: new Sessions(calls),
    async signIn(body) {
      const signedIn = await signIn(calls, body)
      credentials.take(signedIn)
      return signedIn.user
    },
    async signOut() {
      await calls.POST('/api/v1/auth/logout')
      credentials.forget()
    },
  }
}
