import { defineCapability } from '#kernel/capability.ts'
import { routes } from './routes.ts'

export { allows, checkMatrix, permissionsIn, type Role, roles } from './matrix.ts'
export { renderMatrix } from './render.ts'

/** Roles and permissions: one matrix that every route is checked against. */
export const access = defineCapability({
  name: 'access',
  summary: 'Roles and what each of them may do',
  routes,
})
