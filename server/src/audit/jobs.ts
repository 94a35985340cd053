import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import { carryOut, OPERATION_RETRIES } from '#operations/index.ts'
import { erasePerson } from './erase.ts'
import { verified } from './events.ts'
import { readHeads, signHead } from './heads.ts'
import type { AuditParts } from './parts.ts'
import { VerifyAudit } from './schema.ts'
import { storeHead } from './stored-heads.ts'
import { verifyChain } from './verify.ts'
import { gatherWitnesses } from './witnesses.ts'

/** Each hour, so that a server which is off at midnight signs when it is on again. */
export function signHeads(running: () => AuditParts) {
  return defineJob({
    name: 'audit.sign_head',
    summary:
      'Sign how far the audit log went when a day is over, and keep that in the object store',
    input: z.strictObject({}),
    cron: '7 * * * *',
    run: async (ctx) => {
      const { vault, store } = running()
      await signHead(ctx, vault)
      const [newest] = await readHeads(ctx.db, { limit: 1 })
      if (newest) await storeHead(store, newest)
    },
  })
}

export function verifyJob(running: () => AuditParts) {
  return defineJob({
    name: 'audit.verify',
    summary: 'Verify the hash chain of the audit log',
    input: VerifyAudit.extend({ operationId: z.string() }),
    retryLimit: OPERATION_RETRIES,
    timeoutSeconds: 3_600,
    concurrency: 1,
    run: (ctx, { operationId, ...range }, run) =>
      carryOut(ctx, operationId, run, (_operation, progress) =>
        verify(ctx, running(), operationId, range, (done) => progress(done, null)),
      ),
  })
}

async function verify(
  ctx: Context,
  { vault, store }: AuditParts,
  operationId: string,
  { from, to, head }: VerifyAudit,
  onProgress: (done: number) => Promise<void>,
): Promise<Record<string, unknown>> {
  const { db, signal } = ctx
  const kept = head && { head, source: 'the one that was given' }
  const witnesses = await gatherWitnesses(db, { vault, store, now: ctx.clock.now(), kept })
  const verification = await verifyChain(db, { from, to, ...witnesses, signal, onProgress })
  const { rows, bad } = verification
  if (bad) ctx.log.error({ ...bad }, 'the audit log is not as it was')
  const badSequence = bad?.sequence
  await ctx.transaction((ctx) => ctx.events.emit(verified, { operationId, rows, badSequence }))
  return { ok: !bad, ...verification }
}

export const eraseJob = defineJob({
  name: 'audit.erase_person',
  summary: 'Erase what the audit log tells of a person beyond ids',
  input: z.strictObject({ userId: z.string() }),
  run: (ctx, { userId }) => erasePerson(ctx, userId),
})
