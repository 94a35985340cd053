import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { changedSince, specsOf, takenPorts } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import type { Doorbell } from '#kernel/doorbell.ts'
import { configOf } from './config.ts'
import type { News } from './control.ts'
import { noteHeard } from './heard.ts'
import type { RelaysParts } from './parts.ts'
import { problems } from './problems.ts'
import { dialable, peersOf } from './relays.ts'
import type { RelayRow } from './tables.ts'

export const WATCH_MS = 20_000
/** A ring may be lost. */
const LOOK_EVERY_MS = 5_000
/** Many changes in a row are told together. */
const TOGETHER_MS = 20
const PEER_AUDIENCE = 'relay-peer'

export interface Asked {
  after?: string | undefined
  tunnelIds: readonly string[]
}

type Parts = Pick<RelaysParts, 'doorbell' | 'stopping' | 'serviceToken' | 'tunnels'>

/**
 * Waits until there is news for a relay, 20 s at most. Without `after` there is at once: the specs of all tunnels that are asked for.
 *
 * @throws problem `relay.unauthenticated` once a later join has replaced the relay
 */
export async function watch(
  ctx: Context,
  parts: Parts,
  relay: Pick<RelayRow, 'id' | 'epoch'>,
  { after, tunnelIds }: Asked,
): Promise<News> {
  const before = readPlace(after)
  const endMs = ctx.clock.monotonicMs() + WATCH_MS
  using bell = new Bell(parts.doorbell)
  for (;;) {
    const { isNews, ...news } = await look(ctx, parts, relay, before, tunnelIds)
    const leftMs = endMs - ctx.clock.monotonicMs()
    if (isNews || leftMs <= 0 || parts.stopping.aborted) {
      return { ...news, peerToken: await parts.serviceToken(PEER_AUDIENCE, relay.id) }
    }
    const signal = AbortSignal.any([ctx.signal, parts.stopping])
    await bell.wait(Math.min(leftMs, LOOK_EVERY_MS), signal)
    ctx.signal.throwIfAborted()
  }
}

async function look(
  ctx: Context,
  parts: Parts,
  { id, epoch }: Pick<RelayRow, 'id' | 'epoch'>,
  before: Place | undefined,
  tunnelIds: readonly string[],
): Promise<Omit<News, 'peerToken'> & { isNews: boolean }> {
  const row = await ctx.db
    .selectFrom('relays')
    .selectAll()
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst()
  if (!row) throw problems.unauthenticated()
  if (before) await noteHeard(ctx, row, before.revision)
  const peers = (await peersOf(ctx)).filter(({ relayId }) => relayId !== id)
  const own = {
    peers,
    dialable: await dialable(ctx),
    ports: await takenPorts(ctx),
    // One that was stopped elsewhere and asks has been started again.
    drain: row.drainReason !== null || (row.status === 'stopped' && row.provider === 'builtin'),
    config: configOf(row),
  }
  const mark = markOf(own)
  const changes = await changedSince(ctx, parts.tunnels, before?.revision ?? 0, tunnelIds)
  const specs = before ? changes.specs : await specsOf(ctx, parts.tunnels, tunnelIds)
  const isNews = before?.mark !== mark || specs.length > 0 || changes.gone.length > 0
  return { ...own, isNews, specs, gone: changes.gone, after: `${changes.revision} ${mark}` }
}

interface Place {
  revision: number
  mark: string
}

/** Undefined for what no answer of ours was, which begins anew. */
function readPlace(after: string | undefined): Place | undefined {
  const [, revision, mark] = /^(\d{1,15}) ([\w-]{16})$/.exec(after ?? '') ?? []
  return revision && mark ? { revision: Number(revision), mark } : undefined
}

function markOf(own: object): string {
  return createHash('sha256').update(JSON.stringify(own)).digest('base64url').slice(0, 16)
}

/** Hears the doorbell also between two waits. */
class Bell implements Disposable {
  readonly #unhang: () => void
  #rung = false
  #wake: (() => void) | undefined

  constructor(doorbell: Pick<Doorbell, 'answer'>) {
    this.#unhang = doorbell.answer('tunnels', () => {
      this.#rung = true
      this.#wake?.()
    })
  }

  /** Resolves when it rings, after `ms`, or when the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const waiting = new AbortController()
      this.#wake = () => waiting.abort()
      const either = AbortSignal.any([signal, waiting.signal])
      await sleep(ms, undefined, { signal: either, ref: false }).catch(() => {})
    }
    if (this.#rung && !signal.aborted) await sleep(TOGETHER_MS)
    this.#rung = false
  }

  [Symbol.dispose](): void {
    this.#unhang()
  }
}
