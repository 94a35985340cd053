import { notePorts, takeUsage } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import type { RelayControl } from './control.ts'
import { watch } from './news.ts'
import type { RelaysParts } from './parts.ts'
import { closeLink, find, openLink, reportHealth } from './service.ts'
import type { RelayRow } from './tables.ts'

/** The control plane as the relay in its own process has it: by direct calls, with a context that acts for the product itself. */
export function localControl(
  ctx: Context,
  parts: RelaysParts,
  relay: Pick<RelayRow, 'id' | 'epoch'>,
): RelayControl {
  return {
    openLink: (link) => openLink(ctx, parts, relay, link),
    closeLink: (linkId) => closeLink(ctx, relay, linkId),
    find: (wanted) => find(ctx, parts, relay, wanted),
    watch: ({ signal, ...asked }) => watch(ctx.with({ signal }), parts, relay, asked),
    reportHealth: (reports) => reportHealth(ctx, reports),
    reportPorts: (reports) => notePorts(ctx, relay.id, reports),
    reportUsage: (journal, entries) =>
      takeUsage(ctx, relay.id, journal, entries, parts.tunnels.counted),
  }
}
