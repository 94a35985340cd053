import { z } from 'zod'
import { route } from '#kernel/http/route.ts'
import { administrationProblems } from './administration/problems.ts'
import { exampleUser } from './examples.ts'
import { deletionRefusals, Departing, exampleDeparting } from './leaving/routes.ts'
import { leavingProblems } from './leaving/problems.ts'
import { staffProblems } from './staff/problems.ts'
import type { Tools } from './tools.ts'
import { changeUserById, deleteUserById, getUser, SeenUser, SeenUserChange } from './user-by-id.ts'

const OWN = { signedIn: 'everybody has their own user; that of others takes `users.read` and more' }
const params = z.strictObject({ id: z.string().min(1).max(64) })
const example = { id: exampleUser.id }

/** A user by id: oneself, or somebody whom one may see. */
export function userByIdRoutes(tools: () => Tools) {
  const { notFound, notBelowYou } = staffProblems
  const reach = [notFound, notBelowYou, administrationProblems.belongsElsewhere]
  return [
    route({
      method: 'GET',
      path: '/v1/users/:id',
      summary: 'Show yourself, or a user whom you may see',
      description: 'That of others takes `users.read`, and comes without their settings.',
      access: OWN,
      params,
      returns: SeenUser,
      problems: [notFound],
      examples: { params: example, reply: exampleUser },
      handler: (ctx, { params }) => getUser(ctx, params.id),
    }),
    route({
      method: 'PUT',
      path: '/v1/users/:id',
      summary: 'Change yourself, or the name of a user whom you look after',
      description: 'As `PUT /v1/users/me` for yourself. That of others takes `users.write`.',
      access: OWN,
      params,
      body: SeenUserChange,
      returns: SeenUser,
      problems: reach,
      examples: { params: example, body: { firstName: 'Ann' }, reply: exampleUser },
      handler: (ctx, { params, body }) => changeUserById(tools(), ctx, params.id, body),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/:id',
      summary: 'Have yourself deleted, or a user whom you look after',
      description:
        'As `DELETE /v1/users/me` for yourself. That of others takes `users.delete` and a fresh proof; only who may do that can take it back.',
      access: OWN,
      params,
      returns: Departing,
      status: 202,
      problems: [...reach, ...deletionRefusals, leavingProblems.leaving],
      examples: { params: example, reply: exampleDeparting },
      handler: (ctx, { params }) => deleteUserById(tools(), ctx, params.id),
    }),
  ]
}
