import { defineCapability } from '#kernel/capability.ts'

export type {
  AccessGrant,
  AccessSpec,
  EndpointSpec,
  HeaderRules,
  HealthCheck,
  TunnelConfig,
  TunnelSpec,
} from './spec.ts'

/** Public hostnames that lead to a customer's machine. */
export const tunnels = defineCapability({
  name: 'tunnels',
  summary: 'Public hostnames that lead to a customer’s machine',
  permissions: {
    'tunnels.read': 'List and show tunnels, their measures and their requests',
    'tunnels.write': 'Create, change, start, stop, share and delete tunnels, and hold them open',
  },
})
