import { type Capability, defineCapability } from '#kernel/capability.ts'
import { routes } from './routes.ts'

/** What accounts have used, and how much more they may. `capabilities` are those whose quotas are shown. */
export function usage(capabilities: () => readonly Capability[]) {
  return defineCapability({
    name: 'usage',
    summary: 'What an account has used, what is limited, and reports of it',
    permissions: {
      'usage.read': 'See what the account has used and what is limited',
      'usage.report': 'Report what all accounts have used',
    },
    routes: routes(capabilities),
  })
}
