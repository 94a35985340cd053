import { isDeepStrictEqual } from 'node:util'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FieldError } from '#kernel/problem.ts'
import { getAccount } from './accounts/read.ts'
import { profileChanged } from './events.ts'
import type { ProfileChange, User } from './schema.ts'
import { settingsOf, type UserSettings, type UserSettingsChange } from './settings.ts'
import { findUser, presentUser, signedInActor, type UserRow } from './users.ts'

/** The caller or, for an API key, the person in whose name it acts. @throws problem `auth.unauthenticated` */
export async function getMe(ctx: Context): Promise<User> {
  const { actor } = ctx
  return presentMe(ctx, await readUser(ctx, 'userId' in actor ? actor.userId : undefined))
}

/** The user as they act now, which may be for another account than their own. */
async function presentMe(ctx: Context, user: UserRow): Promise<User> {
  const { actor } = ctx
  if (!('roles' in actor)) return presentUser(user)
  const { accountId, roles } = actor
  const isOwn = accountId === user.accountId
  const tier = isOwn ? user.tier : (await getAccount(ctx.actingFor(accountId))).tier
  return { ...presentUser(user), tier, accountId, roles: [...roles], ...(await lentTo(ctx)) }
}

/** For the banner that staff see while they act as somebody. */
async function lentTo(ctx: Context): Promise<Pick<User, 'impersonatedBy'>> {
  const { actor } = ctx
  if (actor.kind !== 'user' || actor.impersonatedBy === undefined) return {}
  const row = await ctx.db
    .selectFrom('signIns')
    .innerJoin('users', 'users.id', 'signIns.impersonatedBy')
    .select(['users.id as userId', 'users.email', 'signIns.expiresAt'])
    .where('signIns.id', '=', actor.signInId)
    .executeTakeFirst()
  return row ? { impersonatedBy: { ...row, expiresAt: row.expiresAt.toISOString() } } : {}
}

export async function getSettings(ctx: Context): Promise<UserSettings> {
  return settingsOf(await readMe(ctx))
}

/** What a user wants of browsers and of machines that they ask nothing else of. */
interface Preferences {
  browser: UserSettings['browserPreferences']
  ec2: NonNullable<UserSettings['ec2Preferences']>
}

/** Empty for a user who is not there. */
export async function preferencesOf(ctx: Context, userId: string): Promise<Preferences> {
  const user = await findUser(ctx.db, 'id', userId)
  if (!user) return { browser: {}, ec2: {} }
  const { browserPreferences, ec2Preferences = {} } = settingsOf(user)
  return { browser: browserPreferences, ec2: ec2Preferences }
}

export async function changeSettings(
  ctx: Context,
  settings: UserSettingsChange,
): Promise<UserSettings> {
  return (await changeMe(ctx, { settings })).settings
}

/**
 * Changes what is given and differs; announces `user.profile_changed` if anything does. Of two at once that change different members,
 * both hold.
 *
 * @throws problem `request.invalid` that names each read-only member with another value than the user has
 */
export async function changeMe(ctx: Context, change: ProfileChange): Promise<User> {
  const { firstName, lastName, settings, ...readOnly } = change
  return ctx.transaction(async (ctx) => {
    await lockUser(ctx)
    const user = await readMe(ctx)
    refuseChanged(readOnly, await presentMe(ctx, user))
    const wanted: Wanted = {
      firstName: firstName === undefined ? user.firstName : firstName,
      lastName: lastName === undefined ? user.lastName : lastName,
      settings: { ...user.settings, ...settings },
    }
    return presentMe(ctx, await store(ctx, user, wanted))
  })
}

function readMe(ctx: Context): Promise<UserRow> {
  return readUser(ctx, signedInActor(ctx).userId)
}

async function readUser(ctx: Context, id: string | undefined): Promise<UserRow> {
  const user = id === undefined ? undefined : await findUser(ctx.db, 'id', id)
  if (!user) throw httpProblems.unauthenticated()
  return user
}

async function lockUser(ctx: Context): Promise<void> {
  const { userId } = signedInActor(ctx)
  await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
}

type Wanted = Pick<UserRow, 'firstName' | 'lastName' | 'settings'>

async function store(ctx: Context, user: UserRow, wanted: Wanted): Promise<UserRow> {
  const changed = differences(wanted, user)
  if (changed.length === 0) return user
  const { firstName, lastName, settings } = wanted
  await ctx.db
    .updateTable('users')
    .set({ firstName, lastName, settings: JSON.stringify(settings), updatedAt: ctx.clock.now() })
    .where('id', '=', user.id)
    .execute()
  await ctx.events.emit(profileChanged, { userId: user.id, changed })
  return readMe(ctx)
}

/** The members that a reader would see changed. */
function differences(wanted: Wanted, present: Wanted): string[] {
  const [after, before] = [wanted, present].map((user) => ({ ...user, settings: settingsOf(user) }))
  return (['firstName', 'lastName', 'settings'] as const).filter(
    (member) => !isDeepStrictEqual(after![member], before![member]),
  )
}

/** These move by themselves, so a copy that was read a while ago holds an older time. */
const MOVING = new Set(['updatedAt', 'lastLoginAt'])

/** @throws problem `request.invalid` that names each member which is not as it was read */
export function refuseChanged<Shown extends object>(
  given: Partial<Record<keyof Shown, unknown>>,
  shown: Shown,
): void {
  const errors = Object.entries(given)
    .filter(([member, value]) => !isUnchanged(member, value, shown[member as keyof Shown]))
    .map(([member]): FieldError => ({ path: `body.${member}`, message: 'cannot be changed here' }))
  if (errors.length > 0) throw httpProblems.invalid({ errors })
}

function isUnchanged(member: string, given: unknown, present: unknown): boolean {
  if (given === undefined || isDeepStrictEqual(given, present)) return true
  if (!MOVING.has(member) || typeof given !== 'string') return false
  return typeof present === 'string' && given < present
}
