import type { Context } from '#kernel/context.ts'
import { countsOf } from './join.ts'
import type { NodeFacts } from './node-schema.ts'
import type { NodeRow } from './tables.ts'

/**
 * The machine of this control plane, whose browsers are in the same process, as an instance of the fleet. Called at every start; its
 * node beats like the others, without a credential: `beat(ctx, parts, node, …)` with what this returns.
 */
export async function ensureBuiltin(
  ctx: Context,
  instanceId: string,
  facts: NodeFacts,
): Promise<NodeRow> {
  const now = ctx.clock.now()
  const running = {
    status: 'running' as const,
    endedAt: null,
    lastActivityAt: now,
    launchedAt: now,
  }
  return ctx.transaction(async (ctx) => {
    await ctx.db
      .insertInto('fleetInstances')
      .values({
        ...{ id: instanceId, provider: 'local', builtin: true, managed: false, purpose: 'manual' },
        ...{ tags: '{}', createdAt: now, ...running },
      })
      .onConflict((it) => it.column('id').doUpdateSet(running))
      .execute()
    const told = { ...countsOf(facts), joinedAt: now, lastBeatAt: now, goneAt: null, leftAt: null }
    return ctx.db
      .insertInto('fleetNodes')
      .values({ id: ctx.newId('nod'), instanceId, ...told })
      .onConflict((it) =>
        it.column('instanceId').doUpdateSet((row) => ({
          ...told,
          epoch: row('fleetNodes.epoch', '+', 1),
          sequence: '0',
        })),
      )
      .returningAll()
      .executeTakeFirstOrThrow()
  })
}
