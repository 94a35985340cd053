import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from '../problems.ts'
import { staffProblems } from '../staff/problems.ts'
import type { Tools } from '../tools.ts'
import { exampleSeen } from './examples.ts'
import { deletionRefusals, Departing, exampleDeparting } from '../leaving/routes.ts'
import { leavingProblems } from '../leaving/problems.ts'
import { mailUserReset, resetFactors, signOutUser, unlockUser } from './help.ts'
import { administrationProblems } from './problems.ts'
import { deleteUser, restoreSeen } from './remove.ts'
import { userParams } from './schema.ts'

const { isYou, belongsElsewhere, wrongStatus } = administrationProblems
const reach = [staffProblems.notFound, staffProblems.notBelowYou, belongsElsewhere, isYou]
const one = {
  ...{ params: userParams, status: 204 },
  examples: { params: { id: exampleSeen.id } },
}

export function helpRoutes(tools: () => Tools) {
  return [
    route({
      method: 'DELETE',
      path: '/v1/admin/users/:id',
      summary: 'Have a user deleted after the days of grace',
      description:
        'Nobody acts as them from now on, and their keys end for good. Until `restoreUntil` they can be restored here; then everything ' +
        'that is kept about them is erased, accounts included that nobody else works in. They are told by mail.',
      access: 'users.delete',
      params: userParams,
      returns: Departing,
      status: 202,
      problems: [
        ...reach,
        ...deletionRefusals,
        leavingProblems.leaving,
        httpProblems.keyNotAllowed,
      ],
      examples: { params: { id: exampleSeen.id }, reply: exampleDeparting },
      handler: async (ctx, { params }) => {
        const until = await deleteUser(tools(), ctx, params.id)
        return { restoreUntil: until.toISOString() }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/restore',
      summary: 'Take back the deletion of a user in the days of grace',
      ...{ access: 'users.delete', ...one },
      problems: [...reach, leavingProblems.notLeaving],
      handler: (ctx, { params }) => restoreSeen(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/sign-out',
      summary: 'Sign a user out on all their devices',
      description: 'Within 5 seconds on every machine. Their API keys go on.',
      ...{ access: 'users.write', ...one },
      problems: reach,
      handler: (ctx, { params }) => signOutUser(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/reset-password',
      summary: 'Mail a user the link that sets a new password',
      description:
        'The link is in the mail only. The password so far counts until the link is used.',
      ...{ access: 'users.write', ...one },
      problems: [...reach, wrongStatus, problems.tooManyAttempts],
      handler: (ctx, { params }) => mailUserReset(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/reset-factors',
      summary: 'Remove all second factors of a user who has lost them',
      description:
        'Make sure by another way that it is them: after this, their password alone signs in. They are signed out and told by mail.',
      ...{ access: 'users.secure', ...one },
      problems: [...reach, problems.stepUpRequired, httpProblems.keyNotAllowed],
      handler: (ctx, { params }) => resetFactors(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/unlock',
      summary: 'Forget the wrong passwords and second factors that were tried for a user',
      ...{ access: 'users.write', ...one },
      problems: reach,
      handler: (ctx, { params }) => unlockUser(tools(), ctx, params.id),
    }),
  ]
}
