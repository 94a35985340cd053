import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'

/**
 * For a session that no machine could take now.
 *
 * @throws problem `session.no_machines` or `node.disk_full` where waiting for a place is most likely waiting for nothing
 */
export async function refuseHopeless(
  ctx: Context,
  { nodes }: Pick<BrowserRuntime, 'nodes'>,
): Promise<void> {
  if (await nodes.isHopeless(ctx)) throw problems.noMachines()
  if ((await nodes.isDiskLeft(ctx)) || (await nodes.mayGrow(ctx))) return
  throw problems.diskFull({ retryAfterSeconds: 30 })
}
