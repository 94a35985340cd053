import { Reply, route } from '#kernel/http/route.ts'
import { metricsGuard } from './metrics.ts'
import type { PlatformParts } from './parts.ts'
import { problems } from './problems.ts'

export function metricsRoute(running: () => PlatformParts) {
  let guard: ReturnType<typeof metricsGuard> | undefined
  return route({
    method: 'GET',
    path: '/metrics',
    summary: 'Read the metrics in Prometheus form',
    description:
      'For this machine, the addresses of `METRICS_ALLOW`, and whoever sends `METRICS_TOKEN` as a bearer token.',
    access: { public: 'guarded by address or by its own token instead of an account' },
    alsoReturns: ['text/plain'],
    problems: [problems.metricsForbidden],
    handler: (_ctx, { request }) => {
      const parts = running()
      guard ??= metricsGuard(parts.metrics)
      if (!guard(request)) throw problems.metricsForbidden()
      return readMetrics(parts)
    },
  })
}

async function readMetrics({ telemetry: { registry } }: PlatformParts): Promise<Reply> {
  return Reply.content(await registry.metrics(), registry.contentType)
}
