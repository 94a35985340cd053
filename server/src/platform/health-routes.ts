import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { Reply, route } from '#kernel/http/route.ts'
import { HealthBoard, overall } from './health.ts'
import type { PlatformParts } from './parts.ts'
import { problems } from './problems.ts'
import { CheckReport, Health, Liveness, Readiness } from './schema.ts'

const CheckName = z.strictObject({
  check: z.string().min(1).max(64).meta({ description: 'A name of `checks` in `/health`' }),
})

const database = {
  status: 'ok' as const,
  what: 'PostgreSQL answers a query',
  critical: true,
  durationMs: 0.6,
}
const health = {
  status: 'ok' as const,
  version: '0.1.0',
  environment: 'production',
  roles: ['api', 'worker', 'relay', 'node'],
  uptimeSeconds: 86_400,
  checks: { database },
}

export function healthRoutes(running: () => PlatformParts) {
  let opened: HealthBoard | undefined
  const board = () =>
    (opened ??= new HealthBoard(running().capabilities.flatMap(({ checks = [] }) => checks)))

  return [
    route({
      method: 'GET',
      path: '/health',
      summary: 'Show whether everything works, check by check',
      description:
        'Answers 200 when the product works, also with less (`degraded`), and 503 with the same body when a critical check fails. What is shown is at most 1 s old.',
      access: { public: 'load balancers and people ask before anybody can sign in' },
      returns: Health,
      examples: { reply: health },
      handler: (ctx) => showHealth(ctx, running(), board()),
    }),
    route({
      method: 'GET',
      path: '/health/live',
      summary: 'Tell that the process answers, whatever it depends on',
      access: { public: 'liveness probe' },
      returns: Liveness,
      examples: { reply: { status: 'ok' } },
      handler: () => ({ status: 'ok' as const }),
    }),
    route({
      method: 'GET',
      path: '/health/ready',
      summary: 'Tell whether to send traffic here',
      access: { public: 'readiness probe' },
      returns: Readiness,
      problems: [problems.notReady],
      examples: { reply: { status: 'ok' } },
      handler: (ctx) => showReadiness(ctx, running(), board()),
    }),
    route({
      method: 'GET',
      path: '/health/:check',
      summary: 'Show one check',
      description: 'Answers 503 with the same body when the check fails.',
      access: { public: 'monitoring of one dependency' },
      params: CheckName,
      returns: CheckReport,
      problems: [problems.unknownCheck],
      examples: { params: { check: 'database' }, reply: database },
      handler: (ctx, { params }) => showCheck(ctx, board(), params.check),
    }),
  ]
}

async function showHealth(ctx: Context, parts: PlatformParts, board: HealthBoard) {
  const { version, environment, roles, startedAt } = parts
  const checks = await board.reports(ctx)
  const status = overall(checks)
  const uptimeSeconds = Math.floor((ctx.clock.now().getTime() - startedAt.getTime()) / 1000)
  const body = { status, version, environment, roles: [...roles], uptimeSeconds, checks }
  return withStatus(body)
}

/** @throws problem `health.not_ready`, or `server.stopping` */
async function showReadiness(ctx: Context, { stopping }: PlatformParts, board: HealthBoard) {
  if (stopping.aborted) throw problems.stopping({ retryAfterSeconds: 5 })
  const checks = await board.reports(ctx)
  const status = overall(checks)
  if (status !== 'failing') return { status }
  const failing = Object.keys(checks).filter((name) => checks[name]!.status === 'failing')
  throw problems.notReady({ detail: `Failing: ${failing.join(', ')}.`, retryAfterSeconds: 2 })
}

/** @throws problem `health.unknown_check` */
async function showCheck(ctx: Context, board: HealthBoard, check: string) {
  const report = await board.report(ctx, check)
  if (!report) throw problems.unknownCheck({ check, known: board.names.join(', ') })
  return withStatus(report)
}

function withStatus<Body extends { status: CheckReport['status'] }>(body: Body): Body | Reply {
  return body.status === 'failing' ? Reply.json(body, { status: 503 }) : body
}
