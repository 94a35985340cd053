import { defineCapability } from '#kernel/capability.ts'
import type { RuntimeSettings } from '#kernel/runtime-settings.ts'
import { changed } from './events.ts'
import { routes } from './routes.ts'

/** The values of the running process. */
export type SettingsParts = RuntimeSettings

/** What an admin may change while the product runs. `running` is called by requests only, never for the manifest. */
export function settings(running: () => SettingsParts) {
  return defineCapability({
    name: 'settings',
    summary: 'Runtime settings and feature flags',
    permissions: {
      'settings.read': 'See runtime settings, feature flags and their history',
      'settings.write': 'Change runtime settings and feature flags',
    },
    routes: routes(running),
    publishes: [changed],
  })
}
