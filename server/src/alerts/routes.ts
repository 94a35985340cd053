import { z } from 'zod'
import { pageOf } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from './problems.ts'
import { Alert, AlertId, AlertQuery } from './schema.ts'
import { acknowledge, listAlerts } from './service.ts'

const at = '2026-11-21T12:00:00.000Z'
const open = {
  ...{ id: 'alr_06f3k9w2m4qz7x8y1v5t0r6n3b', kind: 'many_exports' as const },
  ...{ subject: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b', state: 'open' as const, times: 1 },
  detail: '31 exports in the hour from 2026-11-21T12:00:00.000Z.',
  ...{ raisedAt: at, lastRaisedAt: at },
}

export const routes = [
  route({
    method: 'GET',
    path: '/v1/admin/alerts',
    summary: 'List what staff should look at, the newest first',
    access: 'alerts.read',
    query: AlertQuery,
    returns: pageOf(Alert),
    examples: { query: { state: 'open' }, reply: { items: [open], nextCursor: null } },
    handler: (ctx, { query }) => listAlerts(ctx, query),
  }),
  route({
    method: 'POST',
    path: '/v1/admin/alerts/:id/acknowledge',
    summary: 'Say that somebody has looked at an alert',
    description:
      'The next time, it is a new alert. One that was acknowledged before stays as it is.',
    access: 'alerts.write',
    params: z.strictObject({ id: AlertId }),
    returns: Alert,
    problems: [problems.notFound],
    examples: {
      params: { id: open.id },
      reply: { ...open, state: 'acknowledged', acknowledgedAt: at, acknowledgedBy: open.subject },
    },
    handler: (ctx, { params }) => acknowledge(ctx, params.id),
  }),
]
