import type { Generated } from 'kysely'

/** One row per picture in the object store, from before it is put there until after it is gone. Made by `migrations/0016_people.sql`. */
export interface AvatarTable {
  /** Random: whoever knows it may see the picture. */
  id: string
  userId: string
  /** Of at most one picture of a user; the others are to go. */
  isCurrent: Generated<boolean>
  createdAt: Date
}
