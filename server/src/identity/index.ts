import { defineCapability } from '#kernel/capability.ts'
import type { KeptRecords } from '#kernel/personal-records.ts'
import type { TicketedSocket } from '#kernel/sockets.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { addressRoutes } from './address-routes.ts'
import { bulkRoutes } from './administration/bulk/routes.ts'
import { runBulk } from './administration/bulk/job.ts'
import { administrationEvents } from './administration/events.ts'
import { helpRoutes } from './administration/help-routes.ts'
import { administrationProblems } from './administration/problems.ts'
import { administrationRoutes } from './administration/routes.ts'
import { authRoutes } from './auth-routes.ts'
import { sweepAvatars } from './avatar/jobs.ts'
import { avatarProblems } from './avatar/problems.ts'
import { avatarRoutes } from './avatar/routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { exportEvents } from './export/events.ts'
import { exportJobs } from './export/jobs.ts'
import { exportProblems } from './export/problems.ts'
import { exportRoutes } from './export/routes.ts'
import { published } from './events.ts'
import { appSecrets } from './factors/authenticator-app.ts'
import { factorEvents } from './factors/events.ts'
import { tidyFactors } from './factors/jobs.ts'
import { passkeyRoutes } from './factors/passkeys/routes.ts'
import { factorProblems } from './factors/problems.ts'
import { factorRoles } from './factors/requirement.ts'
import { factorRoutes } from './factors/routes.ts'
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
import { countingKeys, shownAgain } from './keys/insert.ts'
import { keyProblems } from './keys/problems.ts'
import { keyRoutes } from './keys/routes.ts'
import { leavingEvents } from './leaving/events.ts'
import { leavingJobs } from './leaving/jobs.ts'
import { leavingProblems } from './leaving/problems.ts'
import { leavingRoutes } from './leaving/routes.ts'
import { restoreDays } from './leaving/settings.ts'
import { ownRecords } from './own-records.ts'
import { oauthEvents } from './oauth/events.ts'
import { identityRoutes } from './oauth/identity-routes.ts'
import { oauthProblems } from './oauth/problems.ts'
import { oauthRoutes } from './oauth/routes.ts'
import { problems } from './problems.ts'
import { staffEvents } from './staff/events.ts'
import { staffProblems } from './staff/problems.ts'
import { staffRoutes } from './staff/routes.ts'
import { minPasswordLength, minPasswordScore } from './password-policy.ts'
import { passwordRoutes } from './password-routes.ts'
import { mailReset } from './password-reset.ts'
import { tidySignIns } from './tidy-sign-ins.ts'
import type { Tools } from './tools.ts'
import { refreshKeys } from './sign-ins.ts'
import { signingEvents } from './signing/events.ts'
import { keepSigningKeysJob } from './signing/jobs.ts'
import { signingProblems } from './signing/problems.ts'
import { signingRoutes } from './signing/routes.ts'
import { privateHalves } from './signing/store.ts'
import { socketTicketProblems } from './socket-tickets/problems.ts'
import { socketTicketRoutes } from './socket-tickets/routes.ts'
import { userByIdRoutes } from './user-by-id-routes.ts'
import { userRoutes } from './user-routes.ts'

export { requireVerifiedEmail } from './email-verification.ts'
export { admitExport } from './exports.ts'
export { briefAccounts, tiersOf } from './accounts/brief.ts'
export { Identity } from './identity.ts'
export { type Beginner, mayStillAct } from './may-act.ts'
export { isMemberOf } from './memberships.ts'
export { Providers } from './oauth/providers.ts'
export type { PasswordCost } from './passwords.ts'
export { preferencesOf } from './profile.ts'
export { replaceSigningKeys, rotateSigningKeys } from './signing/rotate.ts'
export { publicKeys } from './signing/store.ts'
export { requireStepUp } from './step-up.ts'
export { seenUser } from './seen-user.ts'
export const { stepUpRequired } = problems
export const { notFound: userNotFound } = staffProblems
export { accountOfUser, superAdminAddresses } from './users.ts'
export { accountsOfMember, isKnown, provenEmailKey } from './whereabouts.ts'

export interface IdentityParts extends Pick<Identity, 'tools' | 'signingKeys'> {
  store: ObjectStore
  /** What all capabilities keep about people. */
  records: readonly KeptRecords[]
  /** Where tickets may lead. */
  sockets: readonly TicketedSocket[]
}

/** Their names would meet those of the others: what differs for sure is the code. */
const more = Object.fromEntries(
  [
    ...[keyProblems, accountProblems, memberProblems, invitationProblems, staffProblems],
    ...[leavingProblems, avatarProblems, exportProblems, administrationProblems, oauthProblems],
    socketTicketProblems,
  ]
    .flatMap((some) => Object.values(some))
    .map((problem) => [problem.kind.code, problem]),
)

function routesOf(tools: () => Tools, store: () => ObjectStore) {
  return [
    ...[...authRoutes(tools), ...addressRoutes(tools), ...passwordRoutes(tools)],
    ...[...factorRoutes(tools), ...passkeyRoutes(tools)],
    ...[...deviceRoutes(tools), ...userRoutes, ...keyRoutes(tools)],
    ...[...accountRoutes(tools), ...memberRoutes(tools), ...invitationRoutes(tools)],
    ...[...staffRoutes(tools), ...leavingRoutes(tools)],
    ...[...avatarRoutes(store), ...exportRoutes(tools, store), ...userByIdRoutes(tools)],
    ...[...administrationRoutes(tools), ...helpRoutes(tools), ...bulkRoutes],
    ...[...oauthRoutes(tools), ...identityRoutes(tools)],
  ]
}

/** People, how they prove who they are, and what they say of themselves. */
export function identity(parts: () => IdentityParts) {
  const tools = () => parts().tools
  const store = () => parts().store
  return defineCapability({
    name: 'identity',
    summary:
      'People, accounts, members, invitations, sign-in, second factors, profiles and API keys',
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
      'users.read': 'List, search and show users',
      'users.write':
        'Change the names of users, deactivate and reactivate them, sign them out, mail a reset, unlock',
      'users.create': 'Make users',
      'users.delete': 'Have users deleted after the days of grace, and take that back',
      'users.secure': 'Remove the second factors of users who have lost them',
      'users.tier': 'Move accounts of users to another tier',
      'users.impersonate': 'Act as a user of lower rank for a while, to help',
      'staff.read': 'See who runs the installation, and who is invited to',
      'staff.write':
        'Invite people to run the installation, and change who does, up to one’s own role',
      'keys.read': 'List and show API keys, without their secrets',
      'keys.write': 'Make API keys; rotate and revoke one’s own',
      'factors.require': 'Demand a second factor of everybody who acts for the account',
      'signing.read': 'List the keys that sign access tokens',
      'signing.rotate': 'Rotate the keys that sign access tokens, also in an emergency',
      'keys.revoke': 'Revoke API keys that others of the account made',
    },
    quotas: {
      'keys.counting': { unit: 'keys', what: 'API keys that count at once', of: countingKeys },
    },
    routes: [
      ...[...routesOf(tools, store), ...signingRoutes(() => parts().signingKeys)],
      ...socketTicketRoutes(() => parts().sockets),
    ],
    jobs: [
      tidyKeys,
      tidySignIns,
      tidyInvitations,
      mailReset,
      runBulk(tools),
      tidyFactors,
      keepSigningKeysJob(() => parts().signingKeys),
      ...leavingJobs(parts),
      ...exportJobs(parts),
      sweepAvatars(store),
    ],
    publishes: [
      ...[...published, ...factorEvents, ...keyEvents, ...signingEvents],
      ...[...accountEvents, ...invitationEvents, ...staffEvents],
      ...[...leavingEvents, ...exportEvents, ...administrationEvents, ...oauthEvents],
    ],
    problems: { ...problems, ...factorProblems, ...more, ...signingProblems },
    settings: [factorRoles, restoreDays, minPasswordLength, minPasswordScore],
    personal: ownRecords(parts),
    sealed: [privateHalves, refreshKeys, shownAgain, appSecrets],
  })
}
