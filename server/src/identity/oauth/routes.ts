import { z } from 'zod'
import { route } from '#kernel/http/route.ts'
import { admitStrangers } from '../admit.ts'
import { clientOf } from '../client.ts'
import { deviceCookie, inForm } from '../cookies.ts'
import { exampleLinkToken, exampleSignedIn } from '../examples.ts'
import { SecondFactorRequired } from '../factors/schema.ts'
import { problems } from '../problems.ts'
import { CookieSession, SignedIn, SteppedUp } from '../schema.ts'
import type { Tools } from '../tools.ts'
import { takeAnswer } from './answer.ts'
import { browserHashOf, markBrowser } from './browser-cookie.ts'
import { ended, begun, orBack } from './replies.ts'
import { beginLink } from './link.ts'
import { oauthProblems } from './problems.ts'
import {
  CallbackQuery,
  LoginByProvider,
  ProviderList,
  ProviderParams,
  UseVisitCode,
  VisitBegun,
  VisitEnded,
} from './schema.ts'
import { signInByProvider } from './sign-in.ts'
import { beginStepUp, stepUpByProvider } from './step-up.ts'
import { beginVisit } from './visits.ts'

const { httpsRequired, tooManyAttempts, stepUpRequired } = problems
const { providerUnknown, providerUnavailable, providerAnswerInvalid, answerRefused } = oauthProblems
const unreachable = [providerUnknown, providerUnavailable, providerAnswerInvalid]
const acme = { provider: 'acme' }
const state = 'pQ1x7yVh0w8m2rT5uZ9kC3bN6dF4gJ7lS0aE1iO2qYw'
const exampleBegun = {
  authorizationUrl: `https://login.acme.example/authorize?client_id=gantry&state=${state}`,
  expiresAt: '2026-11-20T12:10:00.000Z',
}

/** Sign-in by Google, Microsoft, GitHub and OpenID providers. */
export function oauthRoutes(tools: () => Tools) {
  const admit = admitStrangers(tools)
  return [
    route({
      method: 'GET',
      path: '/v1/auth/oauth',
      summary: 'List the providers that people can sign in by',
      access: { public: 'for the buttons of a sign-in form' },
      returns: ProviderList,
      examples: { reply: { items: [{ id: 'acme', name: 'Acme', stepUp: true }] } },
      handler: () => ({
        items: tools()
          .providers.list()
          .map(({ id, name, provesAgain }) => ({ id, name, stepUp: provesAgain })),
      }),
    }),
    route({
      method: 'GET',
      path: '/v1/auth/oauth/:provider',
      summary: 'Go to a provider to sign in',
      description:
        'A browser that asks for `text/html` is sent there; others get the address. The answer sets a cookie: only the browser that ' +
        'has it can come back, within 10 minutes.',
      access: { public: 'the way in' },
      params: ProviderParams,
      returns: VisitBegun,
      problems: [...unreachable, tooManyAttempts, httpsRequired],
      examples: { params: acme, reply: exampleBegun },
      handler: (ctx, { params, request }) =>
        orBack(ctx, request, async () => {
          // Here, so that its refusal leads a browser back, too.
          await admit(ctx, request)
          const { browserHash, cookie } = markBrowser(request)
          const aim = { purpose: 'sign_in', signInId: null, browserHash } as const
          const provider = tools().providers.find(params.provider)
          return begun(request, await beginVisit(tools(), ctx, provider, aim), cookie)
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/auth/oauth/:provider/callback',
      summary: 'Come back from a provider',
      description:
        'Providers send browsers here; register `PUBLIC_URL` with this path as redirect URI. A browser is sent on to the console with a ' +
        'code behind `#`; others get it in the answer. The code signs nobody in by itself: it is for ' +
        '`POST /v1/auth/oauth/sign-in`, `POST /v1/auth/oauth/step-up` or `POST /v1/users/me/identities`, once, within 2 minutes, with ' +
        'the same cookie.',
      access: { public: 'state and cookie are the credential' },
      params: ProviderParams,
      query: CallbackQuery,
      returns: VisitEnded,
      problems: [
        ...[...unreachable, answerRefused, oauthProblems.denied],
        ...[tooManyAttempts, httpsRequired],
      ],
      examples: {
        params: acme,
        query: { code: 'SplxlOBeZQQYbYS6WxSbIA', state },
        reply: { purpose: 'sign_in', code: exampleLinkToken, expiresAt: exampleBegun.expiresAt },
      },
      handler: (ctx, { params, query, request }) =>
        orBack(ctx, request, async () => {
          await admit(ctx, request)
          const answer = { ...params, query, browserHash: browserHashOf(request) }
          return ended(ctx, request, await takeAnswer(tools(), ctx, answer))
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/oauth/sign-in',
      summary: 'Sign in with the code that followed the visit to a provider',
      description:
        'Makes a user for who has none, where registering is open. Who has a second factor gets a challenge in place of tokens, as ' +
        'after a password. A user who has the same address, but is not linked with the identity, is left alone.',
      access: { public: 'the code is the credential' },
      admit,
      body: LoginByProvider,
      returns: z.union([SignedIn, CookieSession, SecondFactorRequired]),
      problems: [
        ...[oauthProblems.codeInvalid, oauthProblems.notAdmitted, oauthProblems.addressInUse],
        ...[oauthProblems.addressMissing, problems.signUpClosed, problems.signUpByInvitation],
        ...[providerUnknown, problems.emailTaken, tooManyAttempts, httpsRequired],
      ],
      examples: { body: { code: exampleLinkToken }, reply: exampleSignedIn },
      handler: async (ctx, { body: { code, session, rememberToken }, request }) => {
        const browserHash = browserHashOf(request)
        const shown = { code, browserHash, rememberToken: rememberToken ?? deviceCookie(request) }
        const client = clientOf(request)
        return inForm(tools(), session, await signInByProvider(tools(), ctx, shown, client))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/oauth/:provider/link',
      summary: 'Go to a provider to link the identity that you have there',
      description: 'Send the browser to the address of the answer.',
      access: { signedIn: 'everybody chooses how they sign in' },
      params: ProviderParams,
      returns: VisitBegun,
      problems: [...unreachable, stepUpRequired, tooManyAttempts, httpsRequired],
      examples: { params: acme, reply: exampleBegun },
      handler: async (ctx, { params, request }) => {
        clientOf(request)
        const { browserHash, cookie } = markBrowser(request)
        return begun(request, await beginLink(tools(), ctx, { ...params, browserHash }), cookie)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/oauth/:provider/step-up',
      summary: 'Go to a provider to prove again who you are',
      description: 'Send the browser to the address of the answer: it lets you sign in afresh.',
      access: { signedIn: 'everybody proves who they are', unfinished: true },
      params: ProviderParams,
      returns: VisitBegun,
      problems: [...unreachable, oauthProblems.noFreshProof, tooManyAttempts, httpsRequired],
      examples: { params: acme, reply: exampleBegun },
      handler: async (ctx, { params, request }) => {
        clientOf(request)
        const { browserHash, cookie } = markBrowser(request)
        return begun(request, await beginStepUp(tools(), ctx, { ...params, browserHash }), cookie)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/oauth/step-up',
      summary: 'Prove again who you are, with the code that followed the visit to a provider',
      description:
        'Counts for 5 minutes, for this sign-in, like `POST /v1/auth/step-up`; only when you have just signed in there.',
      access: { signedIn: 'everybody proves who they are', unfinished: true },
      body: UseVisitCode,
      returns: SteppedUp,
      problems: [
        ...[oauthProblems.codeInvalid, oauthProblems.notLinked, oauthProblems.noFreshProof],
        ...[providerUnknown, tooManyAttempts, httpsRequired],
      ],
      examples: {
        body: { code: exampleLinkToken },
        reply: { steppedUpUntil: '2026-11-20T12:05:00.000Z' },
      },
      handler: async (ctx, { body: { code }, request }) => {
        clientOf(request)
        const shown = { code, browserHash: browserHashOf(request) }
        const until = await stepUpByProvider(tools(), ctx, shown)
        return { steppedUpUntil: until.toISOString() }
      },
    }),
  ]
}
