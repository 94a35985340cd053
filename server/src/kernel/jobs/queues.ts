import type { PgBoss, Queue } from 'pg-boss'
import type { JobKind } from '../jobs.ts'
import { DEAD_LETTERS, type Envelope } from './envelope.ts'

/** The shortest that pg-boss takes. A worker that is killed is found out after this and one sweep. */
export const HEARTBEAT_SECONDS = 10
const DAY_SECONDS = 24 * 60 * 60
const KEPT_WHEN_WAITING_SECONDS = 30 * DAY_SECONDS
const KEPT_WHEN_DONE_SECONDS = DAY_SECONDS
const RETRY_LIMIT = 5
const LONGEST_RETRY_SECONDS = 600
const TIMEOUT_SECONDS = 300

/** Makes a queue for each kind, or brings it in line with its kind. Harmless in several processes at once. */
export async function declareQueues(boss: PgBoss, jobs: readonly JobKind[]): Promise<void> {
  const existing = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]))
  const wanted = [{ name: DEAD_LETTERS, retentionSeconds: KEPT_WHEN_WAITING_SECONDS }]
  for (const queue of [...wanted, ...jobs.map(queueOf)]) {
    const present = existing.get(queue.name)
    if (!present) await boss.createQueue(queue.name, queue)
    else if (differs(present, queue)) await boss.updateQueue(queue.name, changeable(queue))
  }
}

function queueOf({ name, retryLimit, timeoutSeconds }: JobKind): Queue {
  return {
    name,
    // At most one job of a key that is queued, waiting for a retry or running.
    policy: 'exclusive',
    deadLetter: DEAD_LETTERS,
    retryLimit: retryLimit ?? RETRY_LIMIT,
    retryDelay: 1,
    retryBackoff: true,
    retryDelayMax: LONGEST_RETRY_SECONDS,
    expireInSeconds: timeoutSeconds ?? TIMEOUT_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    retentionSeconds: KEPT_WHEN_WAITING_SECONDS,
    deleteAfterSeconds: KEPT_WHEN_DONE_SECONDS,
  }
}

function differs(present: Queue, wanted: Queue): boolean {
  return Object.entries(wanted).some(([name, value]) => present[name as keyof Queue] !== value)
}

function changeable({
  name: _name,
  policy: _policy,
  ...rest
}: Queue): Omit<Queue, 'name' | 'policy'> {
  return rest
}

/** Makes the schedules those of the kinds, and no others. @throws ZodError when a kind with a clock does not accept `{}`. */
export async function declareSchedules(boss: PgBoss, jobs: readonly JobKind[]): Promise<void> {
  const envelope: Envelope = { input: {}, sentBy: { kind: 'system', name: 'cron' } }
  for (const { name, cron, input } of jobs) {
    if (!cron) continue
    input.parse(envelope.input)
    // What came due while nobody ran is made up for once: a machine may be off each night.
    await boss.schedule(name, cron, envelope, { tz: 'UTC', missed: 'once' })
  }
  const clocked = new Set(jobs.filter(({ cron }) => cron).map(({ name }) => name))
  for (const { name } of await boss.getSchedules()) {
    if (!clocked.has(name)) await boss.unschedule(name)
  }
}
