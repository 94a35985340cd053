import type { JsonWebKey } from 'node:crypto'
import { z } from 'zod'
import { Reply, route } from '#kernel/http/route.ts'
import { admitStrangers } from './admit.ts'
import { bootstrap } from './bootstrap.ts'
import { clientOf } from './client.ts'
import { deviceCookie, endedCookies, inForm, refreshCookie } from './cookies.ts'
import { signOutAll } from './devices.ts'
import { exampleRegister, exampleSignedIn } from './examples.ts'
import { SecondFactorRequired } from './factors/schema.ts'
import { login } from './login.ts'
import { problems } from './problems.ts'
import { refresh } from './refresh.ts'
import { register } from './register.ts'
import {
  Bootstrap,
  Login,
  Refresh,
  Register,
  SignInAnswer,
  SignedIn,
  CookieSession,
} from './schema.ts'
import { signOut } from './sign-ins.ts'
import { publicKeys } from './signing/store.ts'
import type { Tools } from './tools.ts'

const KeySet = z
  .object({ keys: z.array(z.record(z.string(), z.unknown())) })
  .meta({ id: 'JsonWebKeySet', description: 'RFC 7517' })

/** So long may others keep the key set; a new key is published longer before its first use. */
const KEY_SET_SECONDS = 300

export function authRoutes(tools: () => Tools) {
  const { httpsRequired, weakPassword, emailTaken, busy, tooManyAttempts } = problems
  const admit = admitStrangers(tools)
  return [
    route({
      method: 'POST',
      path: '/v1/auth/register',
      summary: 'Register a user with an account of their own, and sign in',
      description:
        'The password needs 15 to 128 characters and must not be easy to guess; there are no rules about which characters. ' +
        'Whether anyone may register is set by the operator.',
      access: { public: 'the way in for newcomers' },
      admit,
      body: Register,
      returns: SignInAnswer,
      status: 201,
      problems: [
        ...[weakPassword, emailTaken, problems.signUpClosed, problems.signUpByInvitation],
        ...[tooManyAttempts, httpsRequired, busy],
      ],
      examples: { body: exampleRegister, reply: exampleSignedIn },
      handler: async (ctx, { body: { session, ...person }, request }) =>
        inForm(tools(), session, await register(tools(), ctx, person, clientOf(request))),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/login',
      summary: 'Sign in with e-mail address and password',
      description:
        'The answer does not tell whether the address or the password was wrong. After several wrong passwords for one address even ' +
        'the right one is refused for a while, with the same answer. Who has a second factor gets a challenge in place of tokens: ' +
        '`POST /v1/auth/2fa/verify` finishes the sign-in.',
      access: { public: 'the way in' },
      admit,
      body: Login,
      returns: z.union([SignedIn, CookieSession, SecondFactorRequired]),
      problems: [problems.invalidCredentials, tooManyAttempts, httpsRequired, busy],
      examples: {
        body: { email: exampleRegister.email, password: exampleRegister.password },
        reply: exampleSignedIn,
      },
      handler: async (ctx, { body: { session, ...person }, request }) => {
        const device = { rememberToken: deviceCookie(request), ...person }
        return inForm(tools(), session, await login(tools(), ctx, device, clientOf(request)))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/refresh',
      aliases: ['/v1/auth/refresh-token'],
      summary: 'Trade a refresh token for the next pair of tokens',
      description:
        'Each refresh token works once. A client that lost the answer may ask again within 10 seconds and gets the same pair; ' +
        'a token that comes back later, or from elsewhere, ends the sign-in. A sign-in ends 14 days after its last refresh ' +
        'unless configured otherwise, and 30 days after it began in any case. A page of this server sends no body: its browser sends ' +
        'the token as a cookie.',
      access: { public: 'the refresh token is the credential' },
      body: Refresh,
      bodyOptional: true,
      returns: SignInAnswer,
      problems: [problems.invalidRefresh, problems.crossSite, tooManyAttempts, httpsRequired],
      examples: {
        body: { refreshToken: exampleSignedIn.refreshToken },
        reply: exampleSignedIn,
      },
      handler: async (ctx, { body, request }) => {
        const cookie = body.refreshToken ?? refreshCookie(tools(), request, ctx.publicUrl)
        const presented = { refreshToken: cookie ?? '' }
        const signedIn = await refresh(tools(), ctx, presented, clientOf(request))
        return inForm(tools(), body.refreshToken === undefined ? 'cookie' : 'tokens', signedIn)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/logout',
      summary: 'Sign out this device',
      description: 'Ends its access and refresh tokens within 5 seconds everywhere.',
      access: { signedIn: 'everybody may leave', unfinished: true, impersonators: true },
      status: 204,
      problems: [httpsRequired],
      handler: async (ctx, { request }) => {
        clientOf(request)
        await signOut(tools(), ctx)
        return new Reply(undefined, { headers: { 'set-cookie': endedCookies() } })
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/logout-all',
      summary: 'Sign out all your devices, this one too',
      description:
        'Ends their access and refresh tokens within 5 seconds everywhere. API keys stay.',
      access: { signedIn: 'everybody may leave', unfinished: true },
      status: 204,
      problems: [httpsRequired],
      handler: async (ctx, { request }) => {
        clientOf(request)
        await signOutAll(tools(), ctx, { staying: false })
        return new Reply(undefined, { headers: { 'set-cookie': endedCookies() } })
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/bootstrap',
      summary: 'Make the first super-admin with the one-time token printed at start',
      access: {
        public: 'the token is the credential; it works once, while there is no super-admin',
      },
      admit,
      body: Bootstrap,
      returns: SignInAnswer,
      status: 201,
      problems: [
        ...[problems.bootstrapRefused, weakPassword, emailTaken],
        ...[tooManyAttempts, httpsRequired, busy],
      ],
      examples: {
        body: { token: 'c2hvd24tb25jZS13aGVuLXRoZS1zZXJ2ZXItc3RhcnQ', ...exampleRegister },
        reply: {
          ...exampleSignedIn,
          user: { ...exampleSignedIn.user, roles: ['super-admin', 'account-owner'] },
        },
      },
      handler: async (ctx, { body: { session, ...person }, request }) =>
        inForm(tools(), session, await bootstrap(tools(), ctx, person, clientOf(request))),
    }),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'List the public keys that access tokens are signed with',
      access: { public: 'public keys' },
      returns: KeySet,
      examples: { reply: { keys: [exampleKey] } },
      handler: async (ctx) => {
        const headers = { 'cache-control': `public, max-age=${KEY_SET_SECONDS}` }
        return Reply.json({ keys: await publicKeys(ctx.db) }, { headers })
      },
    }),
  ]
}

const exampleKey: JsonWebKey = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  alg: 'EdDSA',
  use: 'sig',
}
