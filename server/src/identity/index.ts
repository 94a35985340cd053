import { defineCapability } from '#kernel/capability.ts'
import { authRoutes } from './auth-routes.ts'
import { published } from './events.ts'
import type { Identity } from './identity.ts'
import { keyEvents } from './keys/events.ts'
import { tidyKeys } from './keys/jobs.ts'
import { shownAgain } from './keys/insert.ts'
import { keyProblems } from './keys/problems.ts'
import { keyRoutes } from './keys/routes.ts'
import { problems } from './problems.ts'
import { refreshKeys } from './sign-ins.ts'
import { signingEvents } from './signing/events.ts'
import { keepSigningKeysJob } from './signing/jobs.ts'
import { signingProblems } from './signing/problems.ts'
import { signingRoutes } from './signing/routes.ts'
import { privateHalves } from './signing/store.ts'
import { userRoutes } from './user-routes.ts'

export { Identity } from './identity.ts'
export type { PasswordCost } from './passwords.ts'
export { preferencesOf } from './profile.ts'
export { replaceSigningKeys, rotateSigningKeys } from './signing/rotate.ts'
export { publicKeys } from './signing/store.ts'
export { accountOfUser } from './users.ts'

export type IdentityParts = Pick<Identity, 'tools' | 'signingKeys'>

/** Their names would meet those of the others: what differs for sure is the code. */
const keys = Object.fromEntries(
  Object.values(keyProblems).map((problem) => [problem.kind.code, problem]),
)

/** People, how they prove who they are, and what they say of themselves. */
export function identity(parts: () => IdentityParts) {
  return defineCapability({
    name: 'identity',
    summary: 'People, sign-in, profiles and API keys',
    permissions: {
      'keys.read': 'List and show API keys, without their secrets',
      'keys.write': 'Make API keys; rotate and revoke one’s own',
      'signing.read': 'List the keys that sign access tokens',
      'signing.rotate': 'Rotate the keys that sign access tokens, also in an emergency',
      'keys.revoke': 'Revoke API keys that others of the account made',
    },
    quotas: { 'keys.counting': { unit: 'keys', what: 'API keys that count at once' } },
    routes: [
      ...authRoutes(() => parts().tools),
      ...userRoutes,
      ...keyRoutes(() => parts().tools),
      ...signingRoutes(() => parts().signingKeys),
    ],
    jobs: [tidyKeys, keepSigningKeysJob(() => parts().signingKeys)],
    publishes: [...published, ...keyEvents, ...signingEvents],
    problems: { ...problems, ...keys, ...signingProblems },
    sealed: [privateHalves, refreshKeys, shownAgain],
  })
}
