import { route } from '#kernel/http/route.ts'
import { admitStrangers } from './admit.ts'
import { clientOf } from './client.ts'
import { inForm, sentAsCookie } from './cookies.ts'
import { exampleLinkToken, examplePassword, exampleSignedIn } from './examples.ts'
import { changePassword } from './password-change.ts'
import { forgotPassword, resetPassword } from './password-reset.ts'
import { passwordPolicy } from './password-policy.ts'
import { MAX_PASSWORD_LENGTH } from './password-text.ts'
import { problems } from './problems.ts'
import {
  ChangePassword,
  ForgotPassword,
  PasswordRules,
  ResetPassword,
  SignInAnswer,
  StepUp,
  SteppedUp,
} from './schema.ts'
import { factorProblems } from './factors/problems.ts'
import { stepUpBy } from './factors/step-up-by.ts'
import type { Tools } from './tools.ts'

const {
  noPassword,
  linkInvalid,
  tooManyAttempts,
  httpsRequired,
  weakPassword,
  wrongPassword,
  busy,
} = problems
const NEW_PASSWORD = 'violet tractor ten umbrellas'

/** New passwords for old ones, for lost ones, and the password as a fresh proof. */
export function passwordRoutes(tools: () => Tools) {
  const admit = admitStrangers(tools)
  return [
    route({
      method: 'GET',
      path: '/v1/auth/password-policy',
      summary: 'What a password must be that is chosen now',
      access: { public: 'for the forms in which people choose one' },
      returns: PasswordRules,
      examples: { reply: { minLength: 15, maxLength: 128, minScore: 3 } },
      handler: (ctx) => ({ ...passwordPolicy(ctx.settings), maxLength: MAX_PASSWORD_LENGTH }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/forgot-password',
      summary: 'Mail a link that sets a new password',
      description: 'The answer does not tell whether a user has the address.',
      access: { public: 'for those who cannot sign in' },
      admit,
      body: ForgotPassword,
      status: 202,
      problems: [tooManyAttempts, httpsRequired],
      examples: { body: { email: 'ann@example.com' } },
      handler: (ctx, { body, request }) => forgotPassword(tools(), ctx, body, clientOf(request)),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/reset-password',
      summary: 'Set a new password with the token that was mailed',
      description:
        'The token works once, for 30 minutes. All devices are signed out; API keys stay. Nobody is signed in by it: sign in with the ' +
        'new password, and with the second factor where there is one.',
      access: { public: 'the mailed token is the credential' },
      admit,
      body: ResetPassword,
      status: 204,
      problems: [linkInvalid, weakPassword, tooManyAttempts, httpsRequired, busy],
      examples: { body: { token: exampleLinkToken, password: NEW_PASSWORD } },
      handler: (ctx, { body, request }) => resetPassword(tools(), ctx, body, clientOf(request)),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/change-password',
      summary: 'Change the password of the signed-in user',
      description:
        'All other devices are signed out. This one goes on with the tokens of the answer.',
      access: { signedIn: 'everybody changes their own password' },
      body: ChangePassword,
      returns: SignInAnswer,
      problems: [noPassword, wrongPassword, weakPassword, tooManyAttempts, httpsRequired, busy],
      examples: {
        body: { currentPassword: examplePassword, newPassword: NEW_PASSWORD },
        reply: exampleSignedIn,
      },
      handler: async (ctx, { body, request }) => {
        const signedIn = await changePassword(tools(), ctx, body, clientOf(request))
        return inForm(tools(), sentAsCookie(request) ? 'cookie' : 'tokens', signedIn)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/step-up',
      summary: 'Prove again who you are, for what asks for it',
      description:
        'By the password, by a code of the authenticator app or a backup code, or by a passkey. Counts for 5 minutes, for this sign-in. Signing in counts too.',
      access: { signedIn: 'everybody proves who they are', unfinished: true },
      body: StepUp,
      returns: SteppedUp,
      problems: [
        ...[noPassword, wrongPassword, tooManyAttempts, httpsRequired, busy],
        ...[factorProblems.codeRefused, factorProblems.locked],
        ...[factorProblems.passkeyRefused, factorProblems.passkeysUnavailable],
      ],
      examples: {
        body: { password: examplePassword },
        reply: { steppedUpUntil: '2026-11-20T12:05:00.000Z' },
      },
      handler: async (ctx, { body, request }) => {
        const until = await stepUpBy(tools(), ctx, body, clientOf(request))
        return { steppedUpUntil: until.toISOString() }
      },
    }),
  ]
}
