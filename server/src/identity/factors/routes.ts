import { z } from 'zod'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { admitStrangers } from '../admit.ts'
import { clientOf } from '../client.ts'
import { inForm } from '../cookies.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { disableTotp, regenerateCodes } from './change.ts'
import { enrol } from './enrol.ts'
import {
  exampleChallenge,
  exampleCodes,
  exampleEnrolment,
  exampleFinished,
  exampleRemembered,
  exampleState,
} from './examples.ts'
import { finishSignIn } from './finish.ts'
import { factorProblems } from './problems.ts'
import { byBackupCode } from './proof.ts'
import { forgetDevice, listRemembered } from './remembered.ts'
import { setRequirement } from './requirement.ts'
import {
  BackupCodes,
  DisableApp,
  Enrol,
  Enrolment,
  FactorState,
  Finished,
  RememberedDeviceList,
  Requirement,
  Verified,
  VerifyBackupCode,
  VerifyFactor,
} from './schema.ts'
import { factorState } from './state.ts'
import { verifyFactor } from './verify.ts'

const OWN = { signedIn: 'everybody looks after their own second factors', unfinished: true }
const { stepUpRequired, httpsRequired, tooManyAttempts } = problems
const { codeRefused, locked, challengeOver, passkeyRefused } = factorProblems
const { nothingPending, alreadyEnabled, notEnabled, mandatory, useOneFirst, useOwnFirst } =
  factorProblems

export function factorRoutes(tools: () => Tools) {
  const admit = admitStrangers(tools)
  return [
    route({
      method: 'GET',
      path: '/v1/auth/2fa',
      summary: 'Show which second factors you have, and whether you must have one',
      access: OWN,
      returns: FactorState,
      examples: { reply: exampleState },
      handler: (ctx) => factorState(tools(), ctx),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/2fa/enroll',
      summary: 'Begin to set up an authenticator app',
      description:
        'Nothing changes until `POST /v1/auth/2fa/verify` got the first code of it, within 15 minutes and by the same sign-in. ' +
        'That ends the other sign-ins that were made by password alone.',
      access: OWN,
      body: Enrol,
      bodyOptional: true,
      returns: Enrolment,
      problems: [
        ...[stepUpRequired, alreadyEnabled, useOwnFirst, codeRefused, locked],
        ...[tooManyAttempts, httpsRequired],
      ],
      examples: { body: {}, reply: exampleEnrolment },
      handler: (ctx, { body, request }) =>
        enrol(tools(), ctx, { code: body.code, client: clientOf(request) }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/2fa/verify',
      summary: 'Finish a sign-in with a second factor, or confirm a new authenticator app',
      description:
        'With the `challengeId` of a sign-in, the answer is what a sign-in answers. Without it, whoever is signed in confirms the app ' +
        'that they began to set up, and gets ten backup codes. A code counts once, 30 seconds before and after its time too.',
      access: {
        public: 'the challenge of a sign-in is the credential, or an access token',
        knows: true,
      },
      admit,
      body: VerifyFactor,
      returns: Verified,
      problems: [
        ...[challengeOver, codeRefused, passkeyRefused, locked, nothingPending, tooManyAttempts],
        ...[useOwnFirst, httpProblems.unauthenticated, httpsRequired],
      ],
      examples: {
        body: { challengeId: exampleChallenge.challengeId, code: '492039', rememberDevice: true },
        reply: exampleFinished,
      },
      handler: async (ctx, { body: { session, ...body }, request }) =>
        inForm(tools(), session, await verifyFactor(tools(), ctx, body, clientOf(request))),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/2fa/backup/verify',
      aliases: ['/v1/2fa/backup/verify'],
      summary: 'Finish a sign-in with a backup code',
      description: 'The code counts once. A mail tells the person that it was used.',
      access: { public: 'the challenge of a sign-in is the credential' },
      admit,
      body: VerifyBackupCode,
      returns: Finished,
      problems: [challengeOver, tooManyAttempts, codeRefused, locked, httpsRequired],
      examples: {
        body: { challengeId: exampleChallenge.challengeId, code: exampleCodes.backupCodes[0] },
        reply: { ...exampleFinished, backupCodesLeft: 2 },
      },
      handler: async (ctx, { body: { code, session, ...body }, request }) => {
        const proof = byBackupCode(tools(), code)
        const finishing = { ...body, proof, client: clientOf(request) }
        return inForm(tools(), session, await finishSignIn(tools(), ctx, finishing))
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/2fa/backup/regenerate',
      summary: 'Replace your backup codes by ten new ones',
      access: { signedIn: OWN.signedIn },
      returns: BackupCodes,
      problems: [stepUpRequired, notEnabled, useOwnFirst, httpsRequired],
      examples: { reply: exampleCodes },
      handler: (ctx, { request }) => {
        clientOf(request)
        return regenerateCodes(tools(), ctx)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/2fa/disable',
      summary: 'Give up your authenticator app',
      description:
        'Passkeys stay. Without any, the backup codes go too, and the password is enough.',
      access: { signedIn: OWN.signedIn },
      body: DisableApp,
      status: 204,
      problems: [
        ...[stepUpRequired, notEnabled, mandatory, codeRefused, locked],
        ...[tooManyAttempts, httpsRequired],
      ],
      examples: { body: { code: '492039' } },
      handler: (ctx, { body, request }) =>
        disableTotp(tools(), ctx, { code: body.code, client: clientOf(request) }),
    }),
    route({
      method: 'PUT',
      path: '/v1/auth/2fa/requirement',
      summary: 'Demand a second factor of everybody who acts for your account',
      description:
        'Who has none gets nothing but the routes to set one up, from 5 seconds later on. API keys go on as they are.',
      access: 'factors.require',
      body: Requirement,
      returns: Requirement,
      problems: [stepUpRequired, useOneFirst],
      examples: { body: { required: true }, reply: { required: true } },
      handler: async (ctx, { body }) => {
        await setRequirement(ctx, body.required)
        return body
      },
    }),
    route({
      method: 'GET',
      path: '/v1/auth/2fa/devices',
      summary: 'List your devices that need no second factor for a while',
      access: { signedIn: OWN.signedIn },
      returns: RememberedDeviceList,
      examples: { reply: { items: [exampleRemembered] } },
      handler: async (ctx) => ({ items: await listRemembered(ctx) }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/auth/2fa/devices/:id',
      summary: 'Ask one of your devices for a second factor again',
      access: { signedIn: OWN.signedIn },
      params: z.strictObject({ id: z.string().max(64) }),
      status: 204,
      problems: [problems.deviceNotFound],
      examples: { params: { id: exampleRemembered.id } },
      handler: (ctx, { params }) => forgetDevice(ctx, params.id),
    }),
  ]
}
