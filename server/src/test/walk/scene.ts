import type { AccountRole, PlatformRole } from '#access/index.ts'
import { addMember, appoint, forAccount, found, foundReseller } from '../accounts.ts'
import type { Person, TestApp } from '../app.ts'

/** How an account lies to `own`; `personal` is that of whoever asks. */
export const places = ['own', 'sibling', 'parent', 'child'] as const
export type Place = (typeof places)[number]

/** Who asks, and what is known of them without asking the product. */
export interface Walker {
  name: string
  authorization?: string
  /** The role in each account of the scene. */
  roles: Partial<Record<Place, AccountRole>>
  platformRoles: readonly PlatformRole[]
  /** Of an API key. */
  scopes?: readonly string[]
  isImpersonator?: boolean
}

export interface Scene {
  accounts: Record<Place, string>
  walkers: Walker[]
  /** Owners of each account, to make things in them. */
  owners: Record<Place, Person>
}

/** Reseller `parent` over the reseller `own` and its `sibling`; `child` lies below `own`. */
export async function openScene(app: TestApp): Promise<Scene> {
  const owners = {
    ...{ parent: await app.person('parent'), own: await app.person('own') },
    ...{ sibling: await app.person('sibling'), child: await app.person('child') },
  }
  const root = await app.superAdmin()
  const parent = await foundReseller(app, owners.parent)
  const below = (name: string, parentId: string, kind = 'organisation') =>
    found(root, name, { parentId, kind })
  const own = await below('own', parent, 'reseller')
  const sibling = await below('sibling', parent)
  const child = await below('child', own)
  const accounts = { own, sibling, parent, child }
  for (const place of ['own', 'sibling', 'child'] as const) {
    await addMember(app, accounts[place], owners[place], 'owner')
  }
  for (const place of places) await actFor(app, owners[place], accounts[place])
  const walkers = [
    ...(await people(app, { accounts, owners })),
    ...(await others(app, accounts, owners)),
  ]
  return { accounts, owners, walkers }
}

async function people(
  app: TestApp,
  { accounts, owners }: Pick<Scene, 'accounts' | 'owners'>,
): Promise<Walker[]> {
  const walkers: Walker[] = [
    { ...walker('owner', owners.own), roles: { own: 'owner' } },
    { ...walker('reseller above', owners.parent), roles: { parent: 'owner' } },
    { ...walker('owner of the sibling', owners.sibling), roles: { sibling: 'owner' } },
    { ...walker('owner of the child', owners.child), roles: { child: 'owner' } },
  ]
  for (const role of ['admin', 'member', 'viewer'] as const) {
    const person = await app.person(role)
    await addMember(app, accounts.own, person, role)
    await actFor(app, person, accounts.own)
    walkers.push({ ...walker(role, person), roles: { own: role } })
  }
  for (const role of ['super-admin', 'admin', 'support'] as const) {
    const person = await app.person(role)
    await appoint(app, person, role)
    walkers.push({ ...walker(`platform ${role}`, person), platformRoles: [role] })
  }
  return [...walkers, walker('stranger', await app.person('stranger'))]
}

async function others(
  app: TestApp,
  accounts: Scene['accounts'],
  owners: Scene['owners'],
): Promise<Walker[]> {
  const scopes = ['sessions.*', 'members.*', 'invitations.*', 'accounts.read', 'accounts.write']
  const { body } = await owners.own.post('/v1/api-keys', { name: 'walk', scopes })
  const key: Walker = {
    ...{ name: 'key of the owner', authorization: `Bearer ${body.key}`, platformRoles: [] },
    ...{ roles: { own: 'owner' as const }, scopes },
  }
  const [staff, lent] = [await app.person('staff'), await app.person('lent')]
  await appoint(app, staff, 'support')
  await addMember(app, accounts.own, lent, 'owner')
  await actFor(app, lent, accounts.own)
  const path = `/v1/admin/users/${lent.userId}/impersonate`
  const { accessToken } = (await staff.post(path, { reason: 'to walk as them' })).body
  const impersonator: Walker = {
    ...{ name: 'staff acting as an owner', authorization: `Bearer ${accessToken}` },
    ...{ roles: { own: 'owner' as const }, platformRoles: [], isImpersonator: true },
  }
  const nobody: Walker = { name: 'nobody', roles: {}, platformRoles: [] }
  return [key, impersonator, nobody]
}

function walker(name: string, { accessToken }: Person): Walker {
  return { name, authorization: `Bearer ${accessToken}`, roles: {}, platformRoles: [] }
}

/** Makes it the account that the person acts for unless they name another. */
async function actFor(app: TestApp, { userId }: Person, accountId: string): Promise<void> {
  const { db } = app.app.systemContext()
  await db.updateTable('users').set({ accountId }).where('id', '=', userId).execute()
  app.app.identity.tools.userChanged(userId)
}

export function headersOf({ authorization }: Walker, account?: string): Record<string, string> {
  return { ...(authorization && { authorization }), ...(account && forAccount(account)) }
}
