import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { linksOf, lockTunnels, moveTunnel } from './status.ts'

export const giveUpConnecting = defineJob({
  name: 'tunnels.give_up_connecting',
  summary: 'Say of a tunnel that the agent which came for it has never linked',
  input: z.strictObject({ id: z.string(), since: z.iso.datetime() }),
  run: (ctx, { id, since }) => giveUp(ctx, id, new Date(since)),
})

/** Unless it has been linked since, or an agent has come anew. */
async function giveUp(ctx: Context, id: string, since: Date): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const [row] = await lockTunnels(ctx, [id])
    if (row?.status !== 'connecting' || row.statusSince > since) return
    if ((await linksOf(ctx, [id])).has(id)) return
    await moveTunnel(ctx, row, { to: 'disconnected', reason: 'no_link' })
  })
}
