import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineReader, type Reader } from '#kernel/events.ts'
import { failRelay } from './ends.ts'
import type { Running } from './parts.ts'
import type { RelayState } from './states.ts'

const Machine = z.object({ id: z.string(), message: z.string().optional() })

/**
 * A relay whose machine could not be launched, or is no more, has failed, unless it has left in order before. What else goes wrong with a
 * machine, such as its restart, leaves a relay that has come as it is.
 */
export function failWithMachine(running: Running): Reader {
  return defineReader({
    name: 'relays.fail_with_machine',
    kinds: ['instance.error', 'instance.terminated'],
    from: 'now',
    async handle(ctx, { kind, data }) {
      const { id, message = 'its machine has ended' } = Machine.parse(data)
      const relayId = await relayOf(ctx, id, kind === 'instance.error' ? ['starting'] : LIVING)
      if (relayId) await failRelay(ctx, running(), relayId, message)
    },
  })
}

const LIVING = ['starting', 'running', 'draining'] as const

async function relayOf(
  { db }: Context,
  instanceId: string,
  among: readonly RelayState[],
): Promise<string | undefined> {
  const row = await db
    .selectFrom('relays')
    .select('id')
    .where('instanceId', '=', instanceId)
    .where('status', 'in', among)
    .executeTakeFirst()
  return row?.id
}
