import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { ObjectNotFound } from '#kernel/storage/errors.ts'
import type { ObjectContent, ObjectStore } from '#kernel/storage/store.ts'
import { profileChanged } from '../events.ts'
import type { User } from '../schema.ts'
import { getMe } from '../profile.ts'
import { signedInActor } from '../users.ts'
import { makePicture } from './make-picture.ts'
import { avatarProblems } from './problems.ts'

export const MAX_AVATAR_BYTES = 5 * 1024 * 1024
const MAX_STORED_BYTES = 1024 * 1024
const TYPE = 'image/webp'
const ID_BYTES = 32

function keyOf(userId: string, id: string): string {
  return `avatars/${userId}/${id}.webp`
}

/**
 * Makes this the caller's picture; announces `user.profile_changed`. The row is there before the object and goes after it, so a sweep
 * finds what a kill has left behind. Of two at once, the later one stays.
 *
 * @throws problem `avatar.too_large` or what `makePicture` throws
 */
export async function setAvatar(ctx: Context, store: ObjectStore, file: Buffer): Promise<User> {
  const { userId } = signedInActor(ctx)
  if (file.length > MAX_AVATAR_BYTES) throw avatarProblems.tooLarge({ limit: MAX_AVATAR_BYTES })
  const picture = await makePicture(ctx, file)
  const id = randomBytes(ID_BYTES).toString('base64url')
  await ctx.db.insertInto('avatars').values({ id, userId, createdAt: ctx.clock.now() }).execute()
  await store.put(keyOf(userId, id), picture, { contentType: TYPE, maxBytes: MAX_STORED_BYTES })
  await replace(ctx, store, userId, id)
  return getMe(ctx)
}

/** Takes the caller's picture away; announces `user.profile_changed` if there was one. */
export async function removeAvatar(ctx: Context, store: ObjectStore): Promise<void> {
  const { userId } = signedInActor(ctx)
  await replace(ctx, store, userId, undefined)
}

/** One at a time for a user: what was the picture before is removed by whoever replaced it. */
async function replace(
  ctx: Context,
  store: ObjectStore,
  userId: string,
  id: string | undefined,
): Promise<void> {
  const before = await ctx.transaction(async (ctx) => {
    await ctx.db.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
    const before = await ctx.db
      .updateTable('avatars')
      .set({ isCurrent: false })
      .where('userId', '=', userId)
      .where('isCurrent', '=', true)
      .returning('id')
      .executeTakeFirst()
    if (id !== undefined) await makeCurrent(ctx, id)
    if (id !== undefined || before) await announce(ctx, userId)
    return before
  })
  if (before) await removePicture(ctx, store, { ...before, userId })
}

async function makeCurrent({ db }: Context, id: string): Promise<void> {
  const made = await db
    .updateTable('avatars')
    .set({ isCurrent: true })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  // So slow that the sweep took it for a leftover.
  if (!made) throw avatarProblems.busy({ retryAfterSeconds: 5 })
}

async function announce(ctx: Context, userId: string): Promise<void> {
  const updatedAt = ctx.clock.now()
  await ctx.db.updateTable('users').set({ updatedAt }).where('id', '=', userId).execute()
  await ctx.events.emit(profileChanged, { userId, changed: ['avatar'] })
}

/** The object first: the row tells where it is. */
export async function removePicture(
  ctx: Context,
  store: ObjectStore,
  { id, userId }: { id: string; userId: string },
): Promise<void> {
  await store.remove(keyOf(userId, id))
  await ctx.db.deleteFrom('avatars').where('id', '=', id).execute()
}

/** A picture that is somebody's now. @throws problem `avatar.not_found` */
export async function readAvatar(
  ctx: Context,
  store: ObjectStore,
  id: string,
): Promise<ObjectContent> {
  const row = await ctx.db
    .selectFrom('avatars')
    .innerJoin('users', 'users.id', 'avatars.userId')
    .select('avatars.userId')
    .where('avatars.id', '=', id)
    .where('isCurrent', '=', true)
    .where('users.status', 'in', ['active', 'disabled'])
    .executeTakeFirst()
  if (!row) throw avatarProblems.notFound()
  try {
    return await store.get(keyOf(row.userId, id), { signal: ctx.signal })
  } catch (error) {
    throw error instanceof ObjectNotFound ? avatarProblems.notFound({ cause: error }) : error
  }
}
