import { defineCapability } from '#kernel/capability.ts'
import { authRoutes } from './auth-routes.ts'
import { published } from './events.ts'
import type { Identity } from './identity.ts'
import { problems } from './problems.ts'
import { userRoutes } from './user-routes.ts'

export { Identity } from './identity.ts'
export type { PasswordCost } from './passwords.ts'
export { preferencesOf } from './profile.ts'

export type IdentityParts = Pick<Identity, 'tools'>

/** People, how they prove who they are, and what they say of themselves. */
export function identity(parts: () => IdentityParts) {
  return defineCapability({
    name: 'identity',
    summary: 'People, sign-in and profiles',
    routes: [...authRoutes(() => parts().tools), ...userRoutes],
    publishes: published,
    problems,
  })
}
