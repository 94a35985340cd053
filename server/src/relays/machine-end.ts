import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader } from '#kernel/events.ts'
import { failRelay } from './ends.ts'

const Machine = z.object({ id: z.string(), message: z.string().optional() })

/** A relay whose machine could not be launched, or is no more, has failed, unless it has left in order before. */
export const failWithMachine = defineReader({
  name: 'relays.fail_with_machine',
  kinds: ['instance.error', 'instance.terminated'],
  from: 'now',
  async handle(ctx, { data }) {
    const { id, message = 'its machine has ended' } = Machine.parse(data)
    const relayId = await relayOf(ctx, id)
    if (relayId) await failRelay(ctx, relayId, message)
  },
})

async function relayOf({ db }: Context, instanceId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('relays')
    .select('id')
    .where('instanceId', '=', instanceId)
    .where('status', 'in', ['starting', 'running', 'draining'])
    .executeTakeFirst()
  return row?.id
}
