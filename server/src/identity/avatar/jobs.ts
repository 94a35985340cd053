import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { removePicture } from './service.ts'

/** No picture is so long in the making. */
const LEFT_BEHIND_MS = 60 * 60 * 1000
const BATCH = 200

export function sweepAvatars(store: () => ObjectStore) {
  return defineJob({
    name: 'identity.sweep_avatars',
    summary: 'Remove pictures that a broken-off change has left behind',
    input: z.strictObject({}),
    cron: '23 * * * *',
    run: async (ctx) => {
      for (let found = await leftBehind(ctx); found.length > 0; found = await leftBehind(ctx)) {
        for (const one of found) {
          ctx.signal.throwIfAborted()
          await removePicture(ctx, store(), one)
        }
      }
    },
  })
}

function leftBehind({ db, clock }: Context) {
  return db
    .selectFrom('avatars')
    .select(['id', 'userId'])
    .where('isCurrent', '=', false)
    .where('createdAt', '<', new Date(clock.now().getTime() - LEFT_BEHIND_MS))
    .limit(BATCH)
    .execute()
}
