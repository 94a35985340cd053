import { defineCapability } from '#kernel/capability.ts'
import { published } from './events.ts'
import { mailAlerts, tidyExports } from './jobs.ts'
import type { AlertsParts } from './parts.ts'
import { problems } from './problems.ts'
import { routes } from './routes.ts'
import { watch } from './watch.ts'

export { Misses } from './misses.ts'
export { countExport, type Export } from './exports.ts'

/** What staff should look at. `running` is called by jobs only, never for the manifest. */
export function alerts(running: () => AlertsParts) {
  return defineCapability({
    name: 'alerts',
    summary: 'What staff should look at: failed decryption, unusual exports',
    permissions: {
      'alerts.read': 'See alerts',
      'alerts.write': 'Acknowledge alerts',
    },
    routes,
    jobs: [mailAlerts(running), tidyExports],
    reacts: [watch],
    publishes: published,
    problems,
  })
}
