import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { Reply, route } from '#kernel/http/route.ts'
import { accountProblems } from '../accounts/problems.ts'
import { admitStrangers } from '../admit.ts'
import { clientOf } from '../client.ts'
import { endedCookies } from '../cookies.ts'
import { exampleLinkToken } from '../examples.ts'
import { problems } from '../problems.ts'
import { UseLink } from '../schema.ts'
import { staffProblems } from '../staff/problems.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { signedInActor } from '../users.ts'
import { leavingProblems } from './problems.ts'
import { restoreByLink } from './restore.ts'
import { scheduleDeletion } from './schedule.ts'

export const Departing = z
  .strictObject({
    restoreUntil: z.iso.datetime().meta({ description: 'Until then the user can be restored' }),
  })
  .meta({ id: 'Departing' })

export const exampleDeparting = { restoreUntil: '2026-12-20T12:00:00.000Z' }

/** Why a user may not be deleted. */
export const deletionRefusals = [
  ...[problems.stepUpRequired, staffProblems.lastSuperAdmin],
  ...[leavingProblems.soleOwner, accountProblems.hasAccounts],
]

/** Has the caller deleted, and the cookies of their page with them. @throws problem `auth.step_up_required` or what `scheduleDeletion` throws */
export async function leave(tools: Tools, ctx: Context): Promise<Reply> {
  await requireStepUp(ctx)
  const until = await scheduleDeletion(tools, ctx, signedInActor(ctx).userId)
  const headers = { 'set-cookie': endedCookies() }
  return Reply.json({ restoreUntil: until.toISOString() }, { status: 202, headers })
}

/** Leaving, and coming back in time. */
export function leavingRoutes(tools: () => Tools) {
  return [
    route({
      method: 'DELETE',
      path: '/v1/users/me',
      summary: 'Have your own user deleted',
      description:
        'Needs a fresh proof. You are signed out everywhere, and your API keys end. Until `restoreUntil` the link that is mailed to you ' +
        'restores the user; then everything that is kept about you is erased, accounts included that nobody else works in.',
      access: { signedIn: 'everybody may leave' },
      returns: Departing,
      status: 202,
      problems: deletionRefusals,
      examples: { reply: exampleDeparting },
      handler: (ctx) => leave(tools(), ctx),
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/restore',
      summary: 'Take back the deletion of your user with the token that was mailed',
      description:
        'The token works once, until the day that the mail names. Nobody is signed in by it: sign in as before. Who has lost the mail ' +
        'gets another one from `POST /v1/auth/forgot-password`.',
      access: { public: 'the mailed token is the credential' },
      admit: admitStrangers(tools),
      body: UseLink,
      status: 204,
      problems: [problems.linkInvalid, problems.tooManyAttempts, problems.httpsRequired],
      examples: { body: { token: exampleLinkToken } },
      handler: (ctx, { body, request }) =>
        restoreByLink(tools(), ctx, body.token, clientOf(request)),
    }),
  ]
}
