import { commandRoutes, flatRoutes } from './command-routes.ts'
import type { BrowserRuntime } from './runtime.ts'
import { sessionRoutes } from './session-routes.ts'

/** The routes of a process whose browsers `runtime` gives; the API document is made without any. */
export function routes(runtime: () => BrowserRuntime) {
  return [...sessionRoutes(runtime), ...commandRoutes(runtime), ...flatRoutes(runtime)]
}
