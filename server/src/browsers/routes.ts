import { discoveryRoutes } from './cdp-discovery.ts'
import { commandRoutes, flatRoutes } from './command-routes.ts'
import type { BrowserRuntime } from './runtime.ts'
import { controlRoutes } from './control-routes.ts'
import { evidenceRoutes } from './evidence-routes.ts'
import { nodeRoutes } from './node-routes.ts'
import { socketPaths } from './not-upgraded.ts'
import { sessionRoutes } from './session-routes.ts'

/** The routes of a process whose browsers `runtime` gives; the API document is made without any. */
export function routes(runtime: () => BrowserRuntime) {
  return [
    ...sessionRoutes(runtime),
    ...controlRoutes(runtime),
    ...commandRoutes(runtime),
    ...flatRoutes(runtime),
    ...evidenceRoutes(runtime),
    ...nodeRoutes(runtime),
    ...discoveryRoutes(runtime),
    ...socketPaths(),
  ]
}
