import { defineCapability } from '#kernel/capability.ts'

/** The streaming proxies that carry the traffic of tunnels. */
export const relays = defineCapability({
  name: 'relays',
  summary: 'The streaming proxies that carry the traffic of tunnels',
  permissions: {
    'relays.read': 'See relays, their health, measures and logs',
    'relays.write': 'Start, stop, drain and configure relays',
  },
})
