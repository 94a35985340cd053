import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { isLent, permissionsOf, standingsOf } from './matrix.ts'
import { type Role, roles } from './roles.ts'

const Grant = z
  .object({
    permission: z.string(),
    where: z.array(z.enum(['own', 'subtree', 'all'])).meta({
      description:
        'In the account that the role is held in (`own`), in those below it (`subtree`), or in every account',
    }),
    lent: z.boolean().meta({ description: 'Also to staff who act as somebody with this role' }),
  })
  .meta({ id: 'Grant' })

const RoleEntry = z
  .object({
    name: z.string().meta({ description: 'As it stands in `roles` of a user' }),
    scope: z.enum(['platform', 'reseller', 'account']),
    summary: z.string(),
    permissions: z.array(z.string()),
    grants: z.array(Grant).meta({ description: 'The same, and over what' }),
  })
  .meta({ id: 'Role' })

const everyRole = (Object.keys(roles) as Role[]).map((name) => ({
  name,
  ...roles[name],
  permissions: permissionsOf(name),
  grants: permissionsOf(name).map((permission) => ({
    permission,
    where: standingsOf(name, permission),
    lent: isLent(permission),
  })),
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
