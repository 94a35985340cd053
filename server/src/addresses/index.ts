import { defineCapability } from '#kernel/capability.ts'
import type { AddressLists } from './address-lists.ts'
import { published } from './events.ts'
import { problems } from './problems.ts'
import { routes } from './routes.ts'

export { AddressLists } from './address-lists.ts'
export { clearAllowlist } from './allowlist.ts'

/** From where staff may work, and who may not come at all. `running` is called by requests only, never for the manifest. */
export function addresses(running: () => AddressLists) {
  return defineCapability({
    name: 'addresses',
    summary: 'The allowlist of staff, and blocked addresses',
    permissions: {
      'addresses.read': 'See the allowlist of staff and the blocked addresses',
      'addresses.write': 'Change the allowlist of staff, block addresses and lift blocks',
    },
    routes: routes(running),
    publishes: published,
    problems,
  })
}
