import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'
import type { SecretsParts } from './parts.ts'
import { resealAll } from './service.ts'

export function resealRecords(parts: () => SecretsParts) {
  return defineJob({
    name: 'secrets.reseal_records',
    summary: 'Let the newest sealing key seal, and bring every sealed record under it',
    input: z.strictObject({}),
    cron: '41 3 * * *',
    concurrency: 1,
    timeoutSeconds: 3_600,
    run: (ctx, _input, run) => resealAll(ctx, parts(), run),
  })
}
