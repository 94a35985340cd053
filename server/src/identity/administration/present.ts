import { presentUser, type UserRow } from '../users.ts'
import type { AdminUser } from './schema.ts'

/** Nobody sees the deleted: of them only the row is left. */
export type SeenUserRow = UserRow & { secondFactor: boolean }

/** Without what is the person's own affair. */
export function presentSeen(user: SeenUserRow): AdminUser {
  const { settings: _, impersonatedBy: __, ...shown } = presentUser(user)
  const status = user.status as AdminUser['status']
  return { ...shown, status, secondFactor: user.secondFactor }
}
