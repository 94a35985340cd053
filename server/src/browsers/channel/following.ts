import type { Context } from '#kernel/context.ts'
import { within } from '#kernel/within.ts'
import { onNode } from '../locate.ts'
import type { BrowserRuntime } from '../runtime.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'

export interface Following extends Disposable {
  /** The last event before the first that is told. */
  readonly from: number
  /** Whether the node is in this process, so that nothing can come between. */
  readonly isOwn: boolean
}

export interface FollowWish {
  sessionId: string
  kinds: ReadonlySet<FeedKind>
  after: number | undefined
}

const READY_MS = 5_000

/**
 * Follows a session, wherever it is hosted.
 *
 * @throws problem `session.not_found`, `session.closed`, `session.not_ready`, `session.unreachable` or `browser.crashed`
 */
export function follow(
  ctx: Context,
  runtime: BrowserRuntime,
  { sessionId, kinds, after }: FollowWish,
  listener: (event: FeedEvent) => void,
): Promise<Following> {
  return onNode(ctx, runtime, sessionId, async (node) => {
    const own = node === runtime.own ? runtime.own.get(sessionId) : undefined
    using attaching = own?.watcher.acquire({ network: kinds.has('network') })
    // What pages say counts from the answer on.
    if (attaching) await within(READY_MS, attaching.ready)
    const place = after === undefined ? {} : { after }
    const following = await node.follow(sessionId, { kinds, ...place }, listener)
    const isOwn = own !== undefined
    return { from: following.from, isOwn, [Symbol.dispose]: () => following[Symbol.dispose]() }
  })
}
