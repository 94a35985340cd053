import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob, type JobKind } from '#kernel/jobs.ts'
import type { Running } from '../parts.ts'
import { changing } from '../revision.ts'

/** Lets relays read the specs of all tunnels of an account anew. Changes of specs wait for each other, so a count of bytes does not do it. */
export const RENEW_SPECS = {
  name: 'tunnels.renew_specs',
  input: z.strictObject({ accountId: z.string() }),
}

export function renewSpecs(running: Running): JobKind<typeof RENEW_SPECS.input> {
  return defineJob({
    ...RENEW_SPECS,
    summary: 'Tells relays that an account has used up its bytes, or may go on',
    run: (ctx, { accountId }) => renew(ctx, running, accountId),
  })
}

async function renew(ctx: Context, running: Running, accountId: string): Promise<void> {
  await changing(ctx, running(), async (ctx, revision) => {
    await ctx.db
      .updateTable('tunnels')
      .set({ revision })
      .where('accountId', '=', accountId)
      .where('deletedAt', 'is', null)
      .execute()
  })
}
