import { defineCapability } from '#kernel/capability.ts'
import { addressRoutes } from './address-routes.ts'
import { authRoutes } from './auth-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { published } from './events.ts'
import type { Identity } from './identity.ts'
import { accountEvents } from './accounts/events.ts'
import { memberRoutes } from './accounts/member-routes.ts'
import { accountProblems, memberProblems } from './accounts/problems.ts'
import { accountRoutes } from './accounts/routes.ts'
import { invitationEvents } from './invitations/events.ts'
import { tidyInvitations } from './invitations/jobs.ts'
import { invitationProblems } from './invitations/problems.ts'
import { invitationRoutes } from './invitations/routes.ts'
import { keyEvents } from './keys/events.ts'
import { tidyKeys } from './keys/jobs.ts'
import { keyProblems } from './keys/problems.ts'
import { keyRoutes } from './keys/routes.ts'
import { problems } from './problems.ts'
import { staffEvents } from './staff/events.ts'
import { staffProblems } from './staff/problems.ts'
import { staffRoutes } from './staff/routes.ts'
import { passwordRoutes } from './password-routes.ts'
import { mailReset } from './password-reset.ts'
import { tidySignIns } from './tidy-sign-ins.ts'
import type { Tools } from './tools.ts'
import { userRoutes } from './user-routes.ts'

export { requireVerifiedEmail } from './email-verification.ts'
export { Identity } from './identity.ts'
export type { PasswordCost } from './passwords.ts'
export { preferencesOf } from './profile.ts'
export { publicKeys } from './signing-keys.ts'
export { requireStepUp } from './step-up.ts'
export { accountOfUser } from './users.ts'

export type IdentityParts = Pick<Identity, 'tools'>

/** Their names would meet those of the others: what differs for sure is the code. */
const more = Object.fromEntries(
  [keyProblems, accountProblems, memberProblems, invitationProblems, staffProblems]
    .flatMap((some) => Object.values(some))
    .map((problem) => [problem.kind.code, problem]),
)

function routesOf(tools: () => Tools) {
  return [
    ...[...authRoutes(tools), ...addressRoutes(tools), ...passwordRoutes(tools)],
    ...[...deviceRoutes(tools), ...userRoutes, ...keyRoutes(tools)],
    ...[...accountRoutes(tools), ...memberRoutes(tools), ...invitationRoutes(tools)],
    ...staffRoutes(tools),
  ]
}

/** People, how they prove who they are, and what they say of themselves. */
export function identity(parts: () => IdentityParts) {
  const tools = () => parts().tools
  return defineCapability({
    name: 'identity',
    summary: 'People, accounts, members, invitations, sign-in, profiles and API keys',
    permissions: {
      'accounts.read': 'List and show accounts',
      'accounts.write': 'Rename accounts',
      'accounts.create': 'Create accounts below a reseller',
      'accounts.move': 'Move accounts to another place below one’s own',
      'accounts.manage': 'Make resellers, and move accounts anywhere',
      'accounts.delete': 'Delete accounts',
      'accounts.transfer': 'Hand accounts over to another owner',
      'members.read': 'List the members of accounts',
      'members.write': 'Change the roles of members, up to one’s own, and remove them',
      'invitations.read': 'List invitations to accounts',
      'invitations.write': 'Invite people to accounts, send again and cancel',
      'users.impersonate': 'Act as a user of lower rank for a while, to help',
      'staff.read': 'See who runs the installation, and who is invited to',
      'staff.write':
        'Invite people to run the installation, and change who does, up to one’s own role',
      'keys.read': 'List and show API keys, without their secrets',
      'keys.write': 'Make API keys; rotate and revoke one’s own',
      'keys.revoke': 'Revoke API keys that others of the account made',
    },
    quotas: { 'keys.counting': { unit: 'keys', what: 'API keys that count at once' } },
    routes: routesOf(tools),
    jobs: [tidyKeys, tidySignIns, tidyInvitations, mailReset],
    publishes: [...published, ...keyEvents, ...accountEvents, ...invitationEvents, ...staffEvents],
    problems: { ...problems, ...more },
  })
}
