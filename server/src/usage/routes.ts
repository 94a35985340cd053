import type { Capability } from '#kernel/capability.ts'
import { pageOf } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { listQuotas } from './quotas.ts'
import { listReport, sendReport } from './report.ts'
import { Quotas, ReportQuery, ReportRow, Usage, UsageQuery } from './schema.ts'
import { getUsage } from './usage.ts'

const ACCOUNT = 'acc_06f3k9w2m4qz7x8y1v5t0r6n3b'
const counts = {
  ...{ requests: 41_210, failures: 12, successRate: 0.9997, connections: 310 },
  ...{ bytesIn: 9_120_001, bytesOut: 730_112_004 },
}
const period = '2026-11'
const span = { period, from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' }

export function routes(capabilities: () => readonly Capability[]) {
  return [
    route({
      method: 'GET',
      path: '/v1/usage',
      summary: 'Show what the account has used, by calendar month',
      description:
        'The newest month first. Tunnels count as their relays report, a second or two late; what deleted tunnels carried is in it.',
      access: 'usage.read',
      query: UsageQuery,
      returns: Usage,
      examples: {
        query: { months: 1 },
        reply: {
          accountId: ACCOUNT,
          periods: [{ ...span, tunnels: counts, browsers: { sessions: 12, minutes: 318.5 } }],
        },
      },
      handler: (ctx, { query }) => getUsage(ctx, query),
    }),
    route({
      method: 'GET',
      path: '/v1/quotas',
      summary: 'Show what is limited for the account, how much of it is used, and when it resets',
      access: 'usage.read',
      returns: Quotas,
      examples: {
        reply: {
          items: [
            {
              ...{
                name: 'tunnels.bytes',
                unit: 'bytes',
                used: 739_232_005,
                limit: 107_374_182_400,
              },
              what: 'Bytes that tunnels carry in a calendar month',
              resetsAt: span.to,
            },
          ],
        },
      },
      handler: (ctx) => listQuotas(ctx, capabilities()),
    }),
    route({
      method: 'GET',
      path: '/v1/admin/reports/tunnels',
      summary: 'Report what tunnels carried in a month, by account and tier',
      access: 'usage.report',
      query: ReportQuery,
      returns: pageOf(ReportRow),
      alsoReturns: ['text/csv'],
      streams: true,
      examples: {
        query: { period, limit: 20 },
        reply: {
          items: [
            { accountId: ACCOUNT, account: 'Harbour', tier: 'free', period, tunnels: 2, ...counts },
          ],
          nextCursor: null,
        },
      },
      handler: (ctx, { query }) =>
        query.format === 'csv' ? sendReport(ctx, query) : listReport(ctx, query),
    }),
  ]
}
