import type { AccountRole } from '#access/index.ts'
import type { Selectable } from 'kysely'
import type { AccountTable, MemberTable, UserTable } from '../tables.ts'
import type { Account, Member } from './schema.ts'

/** An account, with what the caller is in it. */
export type AccountRow = Selectable<AccountTable> & { role: AccountRole | null }
export type MemberRow = Selectable<MemberTable> &
  Pick<Selectable<UserTable>, 'email' | 'firstName' | 'lastName'>

export function presentAccount(row: AccountRow): Account {
  const { id, name, kind, tier, parentId, role } = row
  return {
    ...{ id, name, kind, tier },
    ...(parentId && { parentId }),
    ...(role && { role }),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

export function presentMember({ userId, email, firstName, lastName, role, createdAt }: MemberRow) {
  return {
    ...{ userId, email },
    ...(firstName !== null && { firstName }),
    ...(lastName !== null && { lastName }),
    role,
    createdAt: createdAt.toISOString(),
  } satisfies Member
}
