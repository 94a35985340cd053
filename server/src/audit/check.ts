import type { Check } from '#kernel/health.ts'
import { chainLagSeconds } from './lag.ts'

/** Links follow within seconds; a worker that is busy or was just restarted needs a while. */
const LATE_SECONDS = 300

export const check: Check = {
  name: 'audit',
  what: 'The audit log is linked',
  critical: false,
  async run(ctx) {
    const lag = await chainLagSeconds(ctx)
    if (lag <= LATE_SECONDS) return { status: 'ok' }
    const detail = `The newest ${Math.round(lag)} s of the audit log are not linked: see that a worker runs.`
    return { status: 'degraded', detail }
  },
}
