import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { clientOf } from '../client.ts'
import { exampleSignedIn, exampleUser } from '../examples.ts'
import { impersonate } from '../impersonation/impersonate.ts'
import { problems } from '../problems.ts'
import { SignedIn } from '../schema.ts'
import type { Tools } from '../tools.ts'
import { changeStaff } from './change.ts'
import { staffProblems } from './problems.ts'
import { Impersonate, Staff, StaffChange, userParams } from './schema.ts'

export function staffRoutes(tools: () => Tools) {
  return [
    route({
      method: 'PUT',
      path: '/v1/admin/users/:id/roles',
      summary: 'Say which roles over the installation a user has',
      description:
        'Nobody gives or takes a role above their own, nor changes others of their own rank, but a super-admin; the last of those stays. ' +
        'It counts within 5 seconds.',
      access: 'staff.write',
      params: userParams,
      body: StaffChange,
      returns: Staff,
      problems: [
        ...[staffProblems.notFound, staffProblems.aboveYou, staffProblems.lastSuperAdmin],
        ...[staffProblems.notBelowYou, problems.stepUpRequired, httpProblems.keyNotAllowed],
      ],
      examples: {
        params: { id: exampleUser.id },
        body: { roles: ['support'] },
        reply: { userId: exampleUser.id, roles: ['support'] },
      },
      handler: async (ctx, { params, body }) => ({
        userId: params.id,
        roles: await changeStaff(tools(), ctx, params.id, body),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/impersonate',
      summary: 'Act as a user for 30 minutes, to help',
      description:
        'The tokens act as the user, without their roles over the installation, and name the caller in the claim `act`; events name ' +
        'both. They read, and drive browsers; they change neither credentials nor keys nor members. ' +
        '`POST /v1/auth/logout` with them ends it, and so does the end of the caller’s own sign-in.',
      access: 'users.impersonate',
      params: userParams,
      body: Impersonate,
      returns: SignedIn,
      status: 201,
      problems: [
        ...[staffProblems.notFound, staffProblems.notBelowYou],
        ...[problems.httpsRequired, problems.stepUpRequired, httpProblems.keyNotAllowed],
      ],
      examples: {
        params: { id: exampleUser.id },
        body: { reason: 'Ticket 4711' },
        reply: exampleSignedIn,
      },
      handler: (ctx, { params, body, request }) => {
        const asked = { userId: params.id, reason: body.reason, client: clientOf(request) }
        return impersonate(tools(), ctx, asked)
      },
    }),
  ]
}
