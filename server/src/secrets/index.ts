import { defineCapability } from '#kernel/capability.ts'
import type { Context } from '#kernel/context.ts'
import { rootColumn } from '#kernel/secrets/sealing-keys.ts'
import { unsealingFailed } from '#kernel/secrets/unseal-failures.ts'
import { activated, added, retired } from './events.ts'
import { resealRecords } from './jobs.ts'
import type { SecretsParts } from './parts.ts'
import { problems } from './problems.ts'
import { check } from './check.ts'
import { routes } from './routes.ts'
import { rotate } from './service.ts'

export type { SecretsParts } from './parts.ts'
export { listKeys, retire } from './service.ts'

/** The keys that seal what the database holds. */
export function secrets(parts: () => SecretsParts) {
  const reseal = resealRecords(parts)
  const rotateNow = (ctx: Context) =>
    rotate(ctx, parts(), (ctx, keyId) => ctx.jobs.send(reseal, {}, { uniqueKey: keyId }))
  const capability = defineCapability({
    name: 'secrets',
    summary: 'Keys that seal what the database holds',
    permissions: {
      'secrets.read': 'See the keys that seal secrets in the database',
      'secrets.rotate': 'Add and give up keys that seal secrets in the database',
    },
    routes: routes(parts, rotateNow),
    jobs: [reseal],
    publishes: [added, activated, retired, unsealingFailed],
    problems,
    sealed: [rootColumn],
    checks: [check(parts)],
  })
  return Object.assign(capability, { rotate: rotateNow })
}
