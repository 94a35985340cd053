import { route } from '#kernel/http/route.ts'
import { admitStrangers } from './admit.ts'
import { clientOf } from './client.ts'
import { changeEmail, confirmEmail } from './email-change.ts'
import { resendVerification, verifyEmail } from './email-verification.ts'
import { examplePassword, exampleLinkToken } from './examples.ts'
import { problems } from './problems.ts'
import { ChangeEmail, UseLink } from './schema.ts'
import type { Tools } from './tools.ts'

const { noPassword, linkInvalid, tooManyAttempts, httpsRequired } = problems
const { wrongPassword, busy, emailTaken } = problems

/** What proves that an e-mail address is somebody's. */
export function addressRoutes(tools: () => Tools) {
  const admit = admitStrangers(tools)
  const link = { access: { public: 'the mailed token is the credential' }, body: UseLink, admit }
  return [
    route({
      method: 'POST',
      path: '/v1/auth/verify-email',
      summary: 'Prove an e-mail address with the token that was mailed to it',
      description: 'The token works once, for 24 hours.',
      ...link,
      status: 204,
      problems: [linkInvalid, tooManyAttempts, httpsRequired],
      examples: { body: { token: exampleLinkToken } },
      handler: (ctx, { body }) => verifyEmail(ctx, body.token),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/verify-email/resend',
      summary: 'Mail the link that proves the e-mail address once more',
      description:
        'The links mailed before do not work any more. Nothing is mailed to an address that is proven.',
      access: { signedIn: 'everybody may prove their own address' },
      status: 202,
      problems: [tooManyAttempts, httpsRequired],
      handler: (ctx, { request }) => {
        clientOf(request)
        return resendVerification(tools(), ctx)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/change-email',
      summary: 'Ask for another e-mail address',
      description:
        'A link is mailed to the new address, and the old one is told. The address changes when the token comes to ' +
        '`/v1/auth/change-email/confirm` within 24 hours, unless the password has changed. The answer does not tell whether another user has the address.',
      access: { signedIn: 'everybody changes their own address' },
      body: ChangeEmail,
      status: 202,
      problems: [noPassword, wrongPassword, tooManyAttempts, httpsRequired, busy],
      examples: { body: { newEmail: 'ann.lovelace@example.com', password: examplePassword } },
      handler: (ctx, { body, request }) => {
        clientOf(request)
        return changeEmail(tools(), ctx, body)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/change-email/confirm',
      summary: 'Take the new e-mail address with the token that was mailed to it',
      description: 'The old address is told. Links that were mailed to it do not work any more.',
      ...link,
      status: 204,
      problems: [linkInvalid, emailTaken, tooManyAttempts, httpsRequired],
      examples: { body: { token: exampleLinkToken } },
      handler: (ctx, { body }) => confirmEmail(ctx, body.token),
    }),
  ]
}
