import type { Context } from '#kernel/context.ts'
import { emailKey } from './email.ts'
import { registered } from './events.ts'
import { problems } from './problems.ts'
import type { PlatformRole } from '#access/index.ts'
import { findUser, rolesOf, type UserRow } from './users.ts'

/** A person to be, with the password hashed already. */
export interface NewPerson {
  email: string
  firstName?: string | undefined
  lastName?: string | undefined
  passwordHash: string
  /** Unless given: yes. */
  hasPassword?: boolean
  /** Whether the address is proven; unless given, it is for everybody who did not just register. */
  emailVerified?: boolean
  platformRoles: PlatformRole[]
  by: 'sign_up' | 'bootstrap' | 'operator' | 'invitation' | 'admin' | 'provider'
}

/**
 * Makes a user with a personal account, in the transaction of the caller; announces `user.registered`. Of two with one address, one
 * wins.
 *
 * @throws problem `auth.email_taken`
 */
export async function createPerson(ctx: Context, person: NewPerson): Promise<UserRow> {
  const userId = ctx.newId('usr')
  const accountId = await createPersonalAccount(ctx, person)
  await insertUser(ctx, person, { userId, accountId })
  await ctx.db
    .insertInto('members')
    .values({ accountId, userId, role: 'owner', createdAt: ctx.clock.now() })
    .execute()
  const roles = rolesOf(person.platformRoles, 'owner', 'personal')
  const acting = ctx.actingFor(accountId)
  await acting.events.emit(registered, { userId, accountId, by: person.by, roles })
  return (await findUser(ctx.db, 'id', userId))!
}

/** The account that is a person's own, still without its member. */
export async function createPersonalAccount(
  ctx: Context,
  person: Pick<UserRow, 'email'> &
    Partial<Record<'firstName' | 'lastName', string | null | undefined>>,
): Promise<string> {
  const now = ctx.clock.now()
  const id = ctx.newId('acc')
  const name = [person.firstName, person.lastName].filter(Boolean).join(' ') || person.email
  await ctx.db
    .insertInto('accounts')
    .values({ id, name, kind: 'personal', createdAt: now, updatedAt: now })
    .execute()
  return id
}

async function insertUser(
  ctx: Context,
  person: NewPerson,
  { userId, accountId }: { userId: string; accountId: string },
): Promise<void> {
  const now = ctx.clock.now()
  const made = await ctx.db
    .insertInto('users')
    .values({
      id: userId,
      email: person.email,
      emailKey: emailKey(person.email)!,
      // Whoever runs the installation needs no mail to prove it, and the invited have got theirs.
      emailVerified: person.emailVerified ?? (person.by !== 'sign_up' && person.by !== 'admin'),
      passwordHash: person.passwordHash,
      hasPassword: person.hasPassword ?? person.by !== 'admin',
      firstName: person.firstName ?? null,
      lastName: person.lastName ?? null,
      platformRoles: person.platformRoles,
      accountId,
      settings: '{}',
      createdAt: now,
      updatedAt: now,
      // Who makes their own user is signed in with it at once.
      lastLoginAt: person.by === 'operator' || person.by === 'admin' ? null : now,
    })
    .onConflict((conflict) => conflict.column('emailKey').doNothing())
    .returning('id')
    .executeTakeFirst()
  if (!made) throw problems.emailTaken()
}
