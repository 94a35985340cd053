import { defineCapability } from '#kernel/capability.ts'
import { routes } from './routes.ts'

export {
  allows,
  allowsAnywhere,
  checkMatrix,
  isForStaff,
  isLent,
  matrix,
  permissionsIn,
  standingsOf,
} from './matrix.ts'
export { grantablePlatformRoles, grantableRoles, platformRank } from './ranks.ts'
export {
  ACCOUNT_RANKS,
  type AccountRole,
  PLATFORM_RANKS,
  type PlatformRole,
  type Role,
  roles,
} from './roles.ts'
export { renderMatrix } from './render.ts'

/** Roles and permissions: one matrix that every route is checked against. */
export const access = defineCapability({
  name: 'access',
  summary: 'Roles and what each of them may do',
  routes,
})
