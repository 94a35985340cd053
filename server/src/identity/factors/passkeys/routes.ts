import { z } from 'zod'
import { route } from '#kernel/http/route.ts'
import { admitStrangers } from '../../admit.ts'
import { clientOf } from '../../client.ts'
import { inForm } from '../../cookies.ts'
import { exampleSignedIn } from '../../examples.ts'
import { problems } from '../../problems.ts'
import { SignInAnswer } from '../../schema.ts'
import type { Tools } from '../../tools.ts'
import { exampleAnswer, exampleChallenge, exampleCreation, examplePasskey } from '../examples.ts'
import { factorProblems } from '../problems.ts'
import {
  AskForPasskey,
  LoginByPasskey,
  NewPasskey,
  PasskeyId,
  PasskeyList,
  PasskeyOptions,
  RegisterPasskey,
} from '../schema.ts'
import { registerPasskey, registrationOptions } from './register.ts'
import { listPasskeys, removePasskey } from './service.ts'
import { signInByPasskey, signInOptions } from './sign-in.ts'
import { stepUpOptions } from './step-up.ts'

const OWN = { signedIn: 'everybody looks after their own passkeys', unfinished: true }
const challenge = 'nJ1u2hVvQ3m5Yw1tG7x4Lh9Jd6Vn3Bf0Pz8Ks2Te5Ua0'
const { stepUpRequired, httpsRequired, tooManyAttempts } = problems
const { passkeyRefused, passkeyLimit, passkeyKnown, passkeysUnavailable, useOwnFirst } =
  factorProblems

export function passkeyRoutes(tools: () => Tools) {
  const admit = admitStrangers(tools)
  return [
    route({
      method: 'POST',
      path: '/v1/auth/passkeys/register/options',
      summary: 'Ask for what a browser needs to make a passkey',
      description:
        'It counts once, for 5 minutes, on pages of `PUBLIC_URL` (or `http://localhost`).',
      access: OWN,
      returns: PasskeyOptions,
      problems: [stepUpRequired, useOwnFirst, passkeyLimit, passkeysUnavailable],
      examples: { reply: { challenge, rp: { id: 'gantry.example', name: 'Gantry' } } },
      handler: async (ctx) => ({ ...(await registrationOptions(ctx)) }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkeys/register',
      summary: 'Keep the passkey that a browser made',
      access: OWN,
      body: RegisterPasskey,
      returns: NewPasskey,
      status: 201,
      problems: [
        ...[useOwnFirst, passkeyRefused, passkeyKnown, passkeyLimit],
        ...[passkeysUnavailable, httpsRequired],
      ],
      examples: { body: exampleCreation, reply: examplePasskey },
      handler: (ctx, { body, request }) => {
        clientOf(request)
        return registerPasskey(tools(), ctx, body)
      },
    }),
    route({
      method: 'GET',
      path: '/v1/auth/passkeys',
      summary: 'List your passkeys',
      access: OWN,
      returns: PasskeyList,
      examples: { reply: { items: [examplePasskey] } },
      handler: async (ctx) => ({ items: await listPasskeys(ctx) }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/auth/passkeys/:id',
      summary: 'Remove one of your passkeys',
      description: 'Without any factor left, the backup codes go too, and the password is enough.',
      access: { signedIn: OWN.signedIn },
      params: z.strictObject({ id: PasskeyId }),
      status: 204,
      problems: [
        ...[stepUpRequired, useOwnFirst],
        ...[factorProblems.passkeyNotFound, factorProblems.mandatory],
      ],
      examples: { params: { id: examplePasskey.id } },
      handler: (ctx, { params }) => removePasskey(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/step-up/options',
      summary: 'Ask for what a browser needs to prove by passkey again who you are',
      description: 'Send the answer to `POST /v1/auth/step-up`, from the same sign-in.',
      access: OWN,
      returns: PasskeyOptions,
      problems: [passkeysUnavailable],
      examples: { reply: { challenge, rpId: 'gantry.example', userVerification: 'required' } },
      handler: async (ctx) => ({ ...(await stepUpOptions(ctx)) }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkeys/login/options',
      summary: 'Ask for what a browser needs to sign in by passkey',
      description:
        'With the `challengeId` of a sign-in, the passkey is its second factor: send the answer to `POST /v1/auth/2fa/verify`.',
      access: { public: 'the way in' },
      admit,
      body: AskForPasskey,
      bodyOptional: true,
      returns: PasskeyOptions,
      problems: [
        ...[factorProblems.challengeOver, passkeysUnavailable],
        ...[tooManyAttempts, httpsRequired],
      ],
      examples: {
        body: { challengeId: exampleChallenge.challengeId },
        reply: { challenge, rpId: 'gantry.example', userVerification: 'discouraged' },
      },
      handler: async (ctx, { body, request }) => ({
        ...(await signInOptions(ctx, { ...body, client: clientOf(request) })),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/passkeys/login',
      summary: 'Sign in by passkey, without a password',
      description: 'The authenticator must have seen that it is you, by PIN, finger or face.',
      access: { public: 'the passkey is the credential' },
      admit,
      body: LoginByPasskey,
      returns: SignInAnswer,
      problems: [passkeyRefused, tooManyAttempts, passkeysUnavailable, httpsRequired],
      examples: { body: { response: exampleAnswer }, reply: exampleSignedIn },
      handler: async (ctx, { body: { response, session }, request }) =>
        inForm(tools(), session, await signInByPasskey(tools(), ctx, response, clientOf(request))),
    }),
  ]
}
