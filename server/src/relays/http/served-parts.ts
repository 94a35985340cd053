import type { IncomingHttpHeaders } from 'node:http'
import type { EndpointSpec, TunnelConfig, TunnelSpec } from '#tunnels/index.ts'

/** What decides on the visitors of one tunnel, and counts them. */
export interface ServedParts {
  readonly gate: TunnelGate
  readonly limits: TunnelLimits
  readonly bandwidth: { readonly in: TunnelBandwidth; readonly out: TunnelBandwidth }
  readonly balance: TunnelBalance
  readonly budget: Budget
  readonly meter: TunnelMeter
  readonly inspector: TunnelInspector
}

export interface AskedOfGate {
  method: string
  url: string
  headers: IncomingHttpHeaders
  ip: string
  secure: boolean
}

export type Admission =
  | { let: true; grantId?: string; person?: string }
  | { let: false; answer: Answer }

export interface Answer {
  status: number
  headers: Record<string, string | string[]>
  body: string
}

export interface TunnelGate {
  apply(spec: TunnelSpec): void
  /** No promise for the policy `public`. */
  judge(asked: AskedOfGate): Admission | Promise<Admission>
}

export interface Slot extends Disposable {
  readonly queuedMs: number
}

export interface TunnelLimits {
  apply(config: TunnelConfig): void
  /** @throws LimitReached with `retryAfterSeconds` */
  enter(signal?: AbortSignal): Slot | Promise<Slot>
  readonly inUse: number
}

export interface TunnelBandwidth {
  apply(bytesPerSecond: number | undefined): void
  /** For how many ms to wait before more is moved; 0 mostly. */
  take(bytes: number): number
}

export interface TunnelBalance {
  apply(endpoints: readonly EndpointSpec[]): void
  choose(among: {
    has(agent: string): boolean
    not?: ReadonlySet<string>
  }): EndpointSpec | undefined
  succeeded(endpointId: string, ms: number): void
  failed(endpointId: string, why: string): void
  /** It was chosen, and nothing was learnt of it. */
  abandoned(endpointId: string): void
  health(endpointId: string, status: 'healthy' | 'unhealthy'): void
}

/** How many requests may be tried once more, as a share of all. */
export interface Budget {
  began(): void
  tryRetry(): boolean
  ended(retries?: number): void
}

export interface TunnelMeter {
  /** One request is over. `ms`: to its first byte. */
  request(one: { endpointId?: string; status: number; ms: number }): void
  bytes(endpointId: string | undefined, bytesIn: number, bytesOut: number): void
  connection(endpointId: string | undefined): void
}

/** Sees what passes while it is on. */
export interface TunnelInspector {
  readonly enabled: boolean
}
