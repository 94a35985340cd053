import { defineCapability } from '#kernel/capability.ts'
import { checks } from './checks.ts'
import { healthRoutes } from './health-routes.ts'
import { metricsRoute } from './metrics-route.ts'
import { pageRoutes } from './page-routes.ts'
import type { PlatformParts } from './parts.ts'
import { problems } from './problems.ts'

export { type CatalogueGroup, errorCatalogue } from './error-catalogue.ts'
export type { PlatformParts } from './parts.ts'

/** Health, metrics, documentation and the console's page. `running` is called by requests only, never for the manifest. */
export function platform(running: () => PlatformParts) {
  return defineCapability({
    name: 'platform',
    summary: 'Health, metrics, documentation and the console',
    routes: [...healthRoutes(running), metricsRoute(running), ...pageRoutes(running)],
    checks: checks(running),
    problems,
  })
}
