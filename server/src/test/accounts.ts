import type { AccountRole, PlatformRole } from '#access/index.ts'
import type { Person, TestApp } from './app.ts'

export async function found(person: Person, name: string, more: object = {}): Promise<string> {
  const { status, body } = await person.post('/v1/accounts', { name, ...more })
  if (status !== 201) throw new Error(`no account: ${JSON.stringify(body)}`)
  return body.id
}

/** Makes the person a member, without an invitation. */
export async function addMember(
  app: TestApp,
  accountId: string,
  { userId }: Person,
  role: AccountRole,
): Promise<void> {
  const { db, clock } = app.app.systemContext()
  await db
    .insertInto('members')
    .values({ accountId, userId, role, createdAt: clock.now() })
    .execute()
  app.app.identity.tools.userChanged(userId)
}

export async function appoint(
  app: TestApp,
  { userId }: Person,
  ...platformRoles: PlatformRole[]
): Promise<void> {
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ platformRoles }).where('id', '=', userId).execute()
  app.app.identity.tools.userChanged(userId)
}

/** A reseller whose owner is `lead`, made by somebody who may. */
export async function foundReseller(app: TestApp, lead: Person): Promise<string> {
  const root = await app.superAdmin()
  const id = await found(root, app.unique('reseller'), { kind: 'reseller' })
  await addMember(app, id, lead, 'owner')
  return id
}

/** Makes requests act for this account. */
export function forAccount(id: string): Record<string, string> {
  return { 'gantry-account': id }
}
