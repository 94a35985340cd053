import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { permissionsOf, type Role, roles } from './matrix.ts'

const RoleEntry = z
  .object({
    name: z.string().meta({ description: 'As it stands in `roles` of a user' }),
    scope: z.enum(['platform', 'account']),
    summary: z.string(),
    permissions: z.array(z.string()),
  })
  .meta({ id: 'Role' })

const everyRole = (Object.keys(roles) as Role[]).map((name) => ({
  name,
  ...roles[name],
  permissions: permissionsOf(name),
}))

export const routes = [
  route({
    method: 'GET',
    path: '/v1/roles',
    summary: 'List the roles and what each may do',
    description:
      'Roles are part of the product, so the list is the same for everybody and has one page.',
    access: { signedIn: 'the same list that the documentation prints', keys: true },
    returns: pageOf(RoleEntry),
    examples: { reply: { items: everyRole.slice(0, 1), nextCursor: null } },
    handler: () => ({ items: everyRole, nextCursor: null }),
  }),
]
