import type { TunnelSpec } from '#tunnels/index.ts'
import type { ServedParts } from './served-parts.ts'

/** One tunnel as this relay serves it: made at its first traffic, dropped when nobody has come for a while. */
export class ServedTunnel {
  spec: TunnelSpec
  readonly url: string
  readonly parts: ServedParts

  constructor(spec: TunnelSpec, url: string, parts: ServedParts) {
    this.spec = spec
    this.url = url
    this.parts = parts
  }

  /** Takes a newer spec, also for what is under way: what is revoked is cut. */
  apply(spec: TunnelSpec): void {
    if (spec.revision <= this.spec.revision) return
    this.spec = spec
    this.parts.gate.apply(spec)
    this.parts.limits.apply(spec.config)
    this.parts.balance.apply(spec.endpoints)
    for (const way of ['in', 'out'] as const) {
      this.parts.bandwidth[way].apply(spec.config.bandwidthBytesPerSecond)
    }
  }
}
