import { defineCapability } from '#kernel/capability.ts'
import { published } from './events.ts'
import { check } from './check.ts'
import { eraseTheDeleted } from './deleted-users.ts'
import { headKeys } from './head-keys.ts'
import { eraseJob, signHeads, verifyJob } from './jobs.ts'
import type { AuditParts } from './parts.ts'
import { activityOfPerson } from './person-records.ts'
import { problems } from './problems.ts'
import { routes } from './routes.ts'

export { keepChain } from './chain.ts'
export { erasePerson } from './erase.ts'
export { chainLagSeconds } from './lag.ts'
export type { AuditParts } from './parts.ts'
export { Refusals } from './refusals.ts'
export { AuditHead } from './schema.ts'
export { type Verification, verifyChain } from './verify.ts'
export { gatherWitnesses } from './witnesses.ts'

/** The event log as an audit trail. `running` is called by requests and jobs only, never for the manifest. */
export function audit(running: () => AuditParts) {
  const verify = verifyJob(running)
  return defineCapability({
    name: 'audit',
    summary:
      'Who did what, when, on what and from where; and the proof that nobody changed it since',
    permissions: {
      'audit.read': 'Search the audit log',
      'audit.export': 'Export the audit log',
      'audit.verify': 'Verify the audit log',
    },
    routes: routes(verify, () => running().records),
    jobs: [signHeads(running), verify, eraseJob],
    publishes: published,
    sealed: [headKeys],
    checks: [check],
    reacts: [eraseTheDeleted],
    personal: activityOfPerson,
    problems,
  })
}
