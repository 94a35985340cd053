import { defineCapability } from '#kernel/capability.ts'
import { operationEnded } from './events.ts'
import { purgeOld, runRecovery } from './jobs.ts'
import type { OperationsParts } from './parts.ts'
import { operationsOfPerson } from './person-records.ts'
import { problems } from './problems.ts'
import { errorRoutes, jobRoutes, operationRoutes, recoveryRoutes } from './routes.ts'

export type { OperationsParts, Progress, RecoveryAction } from './parts.ts'
export { carryOut, OPERATION_RETRIES } from './carry-out.ts'
export { countOpen, createOperation, getOperation, holdRunning, isOver } from './service.ts'
export { started } from './started.ts'
export const { operationNotFound } = problems
export { ProblemCounts } from './problem-counts.ts'

/** Looking after a running installation. `running` is called by requests and jobs only, never for the manifest. */
export function operations(running: () => OperationsParts) {
  const run = runRecovery(running)
  return defineCapability({
    name: 'operations',
    summary: 'Long work, jobs, errors and recovery',
    permissions: {
      'jobs.read': 'See background jobs',
      'jobs.write': 'Run dead jobs again',
      'errors.read': 'See how often requests are refused or fail',
      'recovery.run': 'Start recovery actions and follow them',
    },
    routes: [
      ...operationRoutes(running),
      ...recoveryRoutes(running, run),
      ...jobRoutes(running),
      ...errorRoutes(running),
    ],
    jobs: [run, purgeOld],
    publishes: [operationEnded],
    problems,
    personal: operationsOfPerson,
  })
}
