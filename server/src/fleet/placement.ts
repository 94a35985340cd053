import type { Context } from '#kernel/context.ts'

/** A machine that can take a session. */
export interface Place {
  instanceId: string
  nodeId: string
  /** Null when its browsers are in the process of the control plane. */
  url: string | null
  fingerprint: string | null
  capacity: number
  /** Sessions at its last beat. */
  sessions: number
}

const MOST = 1_000

/**
 * Where a session of this user may be placed, the best place first: machines that are assigned to the user, then the ones that
 * belong to nobody, the fullest first, so that the others become idle and may go. Machines of other people, draining and gone ones and
 * such as were full at their last beat are not among them.
 */
export async function placesFor(ctx: Context, userId: string): Promise<Place[]> {
  const rows = await ctx.db
    .selectFrom('fleetNodes')
    .innerJoin('fleetInstances', 'fleetInstances.id', 'fleetNodes.instanceId')
    .select(['fleetNodes.id as nodeId', 'instanceId', 'url', 'fingerprint', 'capacity', 'sessions'])
    .select('assignedToUserId')
    .where('status', '=', 'running')
    .where('goneAt', 'is', null)
    .where('drainReason', 'is', null)
    .where('isDraining', '=', false)
    .whereRef('sessions', '<', 'capacity')
    .where((where) =>
      where.or([
        where('assignedToUserId', '=', userId),
        where.and([
          where('assignedToUserId', 'is', null),
          where('assignedToAccountId', 'is', null),
        ]),
      ]),
    )
    .orderBy((order) => order.case().when('assignedToUserId', '=', userId).then(0).else(1).end())
    .orderBy(
      (order) => order(order.cast<number>('sessions', 'float8'), '/', order.ref('capacity')),
      'desc',
    )
    .orderBy('fleetNodes.id')
    .limit(MOST)
    .execute()
  return rows.map(({ assignedToUserId: _user, ...place }) => place)
}
