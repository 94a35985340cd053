import type { Generated } from 'kysely'

/** What was taken of a journal of a relay. Made by `migrations/0022_usage.sql`, as are the others. */
export interface TunnelUsageJournalTable {
  relayId: string
  journal: string
  /** Text of an `int8multirange`. */
  taken: Generated<string>
  lastAt: Date
}

/** Counts of a tunnel by an endpoint within a span of time; numbers as text of a `bigint`. */
export interface TunnelUsageTable {
  tunnelId: string
  span: 'minute' | 'hour' | 'day'
  at: Date
  /** Empty for what never reached one, and for one that is gone. */
  endpointId: string
  requests: string
  failures: string
  connections: string
  bytesIn: string
  bytesOut: string
  latency: string[]
}

/** Totals of a month, kept longer than the tunnel. */
export interface TunnelUsagePeriodTable {
  accountId: string
  /** `2026-11` */
  period: string
  tunnelId: string
  tier: string
  requests: string
  failures: string
  connections: string
  bytesIn: string
  bytesOut: string
}

export interface TunnelQuotaTable {
  accountId: string
  period: string
  bytes: Generated<string>
  blocked: Generated<boolean>
  warnedAt: Date | null
  exceededAt: Date | null
}

declare module '#kernel/db.ts' {
  interface Tables {
    tunnelUsageJournals: TunnelUsageJournalTable
    tunnelUsage: TunnelUsageTable
    tunnelUsagePeriods: TunnelUsagePeriodTable
    tunnelQuotas: TunnelQuotaTable
  }
}
